"""A ParallelRunJob of the API server, checked as ``parallelrun validate`` checks a file, in the same words.

The CRD's own checks came first, but they cannot see everything, and an older CRD sees less.
"""

from __future__ import annotations

from typing import Any

import yaml

from parallelrun.api import checks, shape
from parallelrun.api.errors import ManifestError
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.problems import report

Json = dict[str, Any]

#: What people write of metadata; all else is the API server's and of no interest here.
_METADATA = ("name", "namespace", "labels", "annotations")
#: Ten times faster where libyaml is there: a manifest may be a megabyte, and other jobs wait.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def checked(job: Json) -> ParallelRunJob:
    """``job`` as a model. Raises ManifestError with every problem."""
    value: Json = shape.without_nulls(_written(job))
    problems = checks.problems(value)
    if problems:
        raise report(str(job["metadata"]["name"]), problems)
    return ParallelRunJob.model_validate(value, by_alias=True, by_name=False)


def as_applied(job: Json) -> str:
    """``job`` as YAML, for the job's folder."""
    return str(yaml.dump(_written(job), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=120))


def refuse_unsupported(job: ParallelRunJob) -> None:
    """Raise ManifestError for what the model knows and a cluster of this version cannot do."""
    spec = job.spec
    if spec.source.directory is not None:
        raise ManifestError(
            "spec.source.directory is a folder on your machine, which a cluster cannot read.",
            "Send the job with parallelrun submit, which packs it, or name a configMap, claim, git or imagePath.",
        )


def _written(job: Json) -> Json:
    metadata = {key: job["metadata"][key] for key in _METADATA if job["metadata"].get(key)}
    notes = {key: text for key, text in metadata.pop("annotations", {}).items() if key != _LAST_APPLIED}
    if notes:
        metadata["annotations"] = notes
    return {"apiVersion": job["apiVersion"], "kind": job["kind"], "metadata": metadata, "spec": job["spec"]}
