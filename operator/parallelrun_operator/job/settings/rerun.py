"""A job that runs again only what failed in an earlier one: where that one's results are, and whether they fit.

The earlier job's folder is named by its UID, which only the ParallelRunJob itself tells. It is needed until the first
pod has taken the results along; from then on the header is of a later generation, and the earlier job may go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallelrun.api import layout, pod_layout, spec_changes, spec_hash
from parallelrun.api.errors import InputChanged, ManifestError
from parallelrun_operator.job.settings import manifest
from parallelrun_operator.job.settings.resolved import Resolved
from parallelrun_operator.job.status import places

Json = dict[str, Any]

#: Paths of inputs begin at the claim's root, and the earlier job's folder is on it.
_FIXED = ("spec.volume",)
_ANEW = "To run everything again instead, create the job with spec.rerunOf.failedOnly: false."


@dataclass(frozen=True)
class Earlier:
    """The job whose results are taken along."""

    folder: str  # as prepare sees it
    code: str | None  # its own copy of the source, where this job names the same; None: this job names another


def name_of(job: Json) -> str:
    """Of the job whose results are taken along; "" where there is none."""
    rerun = job["spec"].get("rerunOf") or {}
    return str(rerun["name"]) if rerun and rerun.get("failedOnly", True) else ""


def earlier(resolved: Resolved, own: Json, found: Json | None) -> Earlier:
    """What ``found``, the earlier job, has for ``own``. Raises ManifestError where that is nothing."""
    claim = resolved.model.spec.volume.claim
    name = name_of(own)
    if name == own["metadata"]["name"]:
        raise ManifestError(f"spec.rerunOf.name: {name} is this job itself.", "Name the job that is to be run again.")
    if found is None:
        raise ManifestError(
            f"spec.rerunOf.name: the namespace {own['metadata']['namespace']} has no job {name}, so it is not known "
            "where its results are.",
            _ANEW,
        )
    try:
        before = manifest.checked(found)
    except ManifestError:
        raise ManifestError(
            f"spec.rerunOf.name: the manifest of {name} was refused, so nothing of it was run.", _ANEW
        ) from None
    try:
        spec_changes.refuse_for_rerun(
            _on(places.claim_of(found), spec_hash.spec_of(before)),
            _on(claim, spec_hash.spec_of(resolved.applied)),
            _FIXED,
        )
        spec_changes.refuse_for_rerun(_datasets(found), {"spec": {"inputs": resolved.used.datasets}}, ())
    except InputChanged as error:
        raise ManifestError(str(error)) from None
    meta = found["metadata"]
    folder = pod_layout.job_folder(meta["namespace"], meta["name"], meta["uid"])
    folder = f"{pod_layout.claim(claim)}/{folder}"
    same = before.spec.source == resolved.model.spec.source
    return Earlier(folder, f"{folder}/{layout.SOURCE}" if same else None)


def _on(claim: str, spec: Json) -> Json:
    """``spec`` with the claim that it came to, wherever that was named."""
    return {**spec, "spec": {**spec["spec"], "volume": {"claimName": claim}}}


def _datasets(job: Json) -> Json:
    """Versions of the registered datasets that ``job`` read, as if they stood in its manifest."""
    return {"spec": {"inputs": ((job.get("status") or {}).get("resolved") or {}).get("datasets") or {}}}
