"""Earlier jobs whose results a job may take over: those that spec.reuseOf names and that succeeded without a failure.

What an earlier job's own pods could write counts for nothing here: that it succeeded, its fingerprint and its outputs
are told by its status. Whether all is still there ``prepare`` looks, which sees the folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from parallelrun.api import pod_layout
from parallelrun.api.models.model_kind import MODEL
from parallelrun.api.registry import Registry
from parallelrun.api.settings import EarlierJob
from parallelrun.leases.header import Phase
from parallelrun_operator.job.status import places

Json = dict[str, Any]


def names_of(job: Json) -> list[str]:
    """Of the jobs that spec.reuseOf names; a job is none of its own earlier ones."""
    named = job["spec"].get("reuseOf")
    return [str(name) for name in named if name != job["metadata"]["name"]] if isinstance(named, list) else []


def earlier_jobs(found: Sequence[Json], claim: str, listed: Iterable[str], registry: Registry) -> list[EarlierJob]:
    """Those of ``found`` that may be taken over by a job whose folder is on ``claim``, in the same order.

    ``listed``: names of the models that the job lists; any other that an earlier one asked for has to be the same now.
    """
    return [_earlier(job, claim) for job in found if _may_be(job, claim, frozenset(listed), registry)]


def _earlier(job: Json, claim: str) -> EarlierJob:
    meta, status = job["metadata"], job["status"]
    folder = pod_layout.job_folder(meta["namespace"], meta["name"], meta["uid"])
    return EarlierJob(
        name=meta["name"],
        uid=meta["uid"],
        folder=f"{pod_layout.claim(claim)}/{folder}",
        fingerprint=status["fingerprint"],
        outputs=dict(status.get("outputs") or {}),
    )


def _may_be(job: Json, claim: str, listed: frozenset[str], registry: Registry) -> bool:
    status = job.get("status") or {}
    failed = (status.get("items") or {}).get("failed", 0)
    return (
        bool(status.get("fingerprint"))
        and status.get("phase") == Phase.DONE.value
        and not failed
        and places.claim_of(job) == claim
        and _same_models((status.get("resolved") or {}).get("models") or {}, listed, registry)
    )


def _same_models(asked: Json, listed: frozenset[str], registry: Registry) -> bool:
    newest = {entry.name: entry.version for entry in registry.all(MODEL)}  # the highest version comes last
    return all(newest.get(name) == version for name, version in asked.items() if name not in listed)
