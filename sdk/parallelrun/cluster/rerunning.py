"""A job in a cluster run again, as a new job: all of it, or only the mini-batches without a success."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path

from parallelrun.api import checks, overrides, source_files
from parallelrun.api.errors import RunFolderError
from parallelrun.api.models.job import KIND
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.problems import report
from parallelrun.cluster import jobs, submission, submitting
from parallelrun.cluster.jobs import Job
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube

#: Fields that are about the earlier job's life, not about what it does.
_OWN_LIFE = ("suspend", "cancel", "rerunOf")
_RERUN = re.compile(r"-rerun-(\d+)$")
_NAME_LIMIT = 63
_TRIES = 1000


async def rerun(kube: Kube, name: str, failed_only: bool, sets: Sequence[str] = (), source: Path | None = None) -> Job:
    """Create a job that runs the job ``name`` again, with ``sets``; ``source``: a folder with another script.

    Raises RunFolderError where that is not over, and ManifestError.
    """
    earlier = await jobs.read(kube, name)
    if not earlier.over:
        raise RunFolderError(
            f"Job {earlier.name} is not over: its phase is {earlier.phase}.",
            f"Wait for it or cancel it: parallelrun cancel {earlier.name} -n {earlier.namespace}",
        )
    return await _created(kube, again(earlier, failed_only, sets), earlier, source)


def again(earlier: Job, failed_only: bool, sets: Sequence[str]) -> Json:
    """The manifest of a job that runs ``earlier`` again, with ``sets``. Raises ManifestError."""
    meta = earlier.obj["metadata"]
    kept = {key: meta[key] for key in ("namespace", "labels") if meta.get(key)}
    spec = {key: copy.deepcopy(value) for key, value in earlier.spec.items() if key not in _OWN_LIFE}
    spec["rerunOf"] = {"name": earlier.name, "failedOnly": failed_only}
    value: Json = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": next_name(earlier.name), **kept},
        "spec": spec,
    }
    given = overrides.parse(sets)
    for override in given:
        overrides.apply(value, override)
    if problems := checks.problems(value):
        raise report(f"rerun of {earlier.name}", problems)
    return value


def next_name(name: str) -> str:
    """``mnist-rerun-1`` of ``mnist``, ``mnist-rerun-2`` of that."""
    match = _RERUN.search(name)
    number = int(match[1]) + 1 if match else 1
    suffix = f"-rerun-{number}"
    return _RERUN.sub("", name)[: _NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


async def _created(kube: Kube, value: Json, earlier: Job, folder: Path | None) -> Job:
    """Create it under the first name that is free; its source is its own, or the one that the earlier job had."""
    packed = _packed(value, folder)
    if packed is not None:
        await submitting.put_source(kube, packed)
        value["spec"]["source"] = {"configMap": {"name": packed["metadata"]["name"]}}
    asked = value["metadata"]["name"] != next_name(earlier.name)
    for _ in range(_TRIES):
        try:
            job = await submitting.create(kube, value)
            break
        except errors.Conflict as error:
            if asked:
                raise errors.Conflict(
                    f'There is a job "{value["metadata"]["name"]}" already.', error.status, hint="Choose another name."
                ) from error
            value["metadata"]["name"] = next_name(value["metadata"]["name"])
    else:
        raise RunFolderError(f"{earlier.name} was run again {_TRIES} times: every name is taken.")
    if packed is not None:
        await submitting.own(kube, packed, job)
    else:
        await submitting.share_source(kube, job)
    return job


def _packed(value: Json, folder: Path | None) -> Json | None:
    if folder is None:
        return None
    meta, spec = value["metadata"], value["spec"]
    checked = source_files.folder("--source", folder.absolute())
    return submission.pack(checked, spec["entryScript"], meta["name"], meta["namespace"], bool(spec.get("runOnce")))
