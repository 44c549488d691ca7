"""What a step may have from earlier runs: their jobs, which the job compares itself with; and of the run that
spec.rerunFailed names what succeeded there, as long as the step's job would be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parallelrun.api import shape, spec_changes
from parallelrun.api.conditions import LABEL_PIPELINE_RUN
from parallelrun.api.errors import InputChanged, ManifestError
from parallelrun.pipelines import compile, graph
from parallelrun.pipelines.reuse import given_the_same
from parallelrun.pipelines.states import GOOD, REUSED
from parallelrun_operator.pipeline import begun as beginnings
from parallelrun_operator.pipeline import names, steps
from parallelrun_operator.pipeline.begun import Begun
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]


def candidates(world: RunWorld, begun: Begun, step: str, now: Mapping[str, Json]) -> list[str]:
    """Jobs of earlier runs that succeeded, the newest first; of those that came of the same input only the newest.

    Of runs in which every step that it needs was made by the same job as ``now``.
    """
    needed = graph.needs(begun.spec)[step]
    origins = {name: str(one.get("reusedFrom") or one.get("job") or "") for name, one in now.items()}
    found: dict[str, str] = {}
    for job in world.earlier_jobs.get(step, ()):
        name = str(job["metadata"]["name"])
        if given_the_same(needed, origins, _origins(world, needed, _run_of(job))):
            found.setdefault((job.get("status") or {}).get("fingerprint") or name, name)
    return list(found.values())


def _origins(world: RunWorld, needed: Iterable[str], run: str) -> dict[str, str]:
    """The jobs that made the results of these steps in an earlier run, as far as they are still there."""
    return {
        step: str((job.get("status") or {}).get("reusedFrom") or job["metadata"]["name"])
        for step in needed
        for job in world.earlier_jobs.get(step, ())
        if _run_of(job) == run
    }


def _run_of(job: Json) -> str:
    return str((job["metadata"].get("labels") or {}).get(LABEL_PIPELINE_RUN, ""))


def taken_over(world: RunWorld, begun: Begun, step: str, spec: Json, now: Mapping[str, Json]) -> Json | None:
    """The status of a step that succeeded in the run that this one goes on from; None where it has to run."""
    before = _earlier_step(world, step)
    if before.get("phase") not in GOOD:
        return None
    if not _is_given_the_same(begun, step, now):
        return None
    if _earlier_spec(world, step) != spec:
        return None  # should only the number of nodes be another, say, its job finds the earlier result by spec.reuseOf
    origin = before.get("reusedFrom") or before.get("job")
    return steps.ended(world, step, REUSED, outputs=before.get("outputs"), reusedFrom=origin)


def failed_job(world: RunWorld, begun: Begun, step: str, spec: Json, now: Mapping[str, Json]) -> str:
    """The job whose mini-batches that succeeded are taken along; "" where there is none, or where they do not fit."""
    before = _earlier_step(world, step)
    job = world.failed_jobs.get(step)
    own = next(one for one in begun.spec["steps"] if one["name"] == step)
    if before.get("phase") in GOOD or job is None or own.get("job") is None or "rerunOf" in spec:
        return ""
    if not _is_given_the_same(begun, step, now):
        return ""  # what succeeded then and what succeeds now would be of different results of that step
    earlier = _earlier_spec(world, step)
    if earlier is None or not (job.get("status") or {}).get("startTime"):
        return ""
    try:
        spec_changes.refuse_for_rerun({"spec": earlier}, {"spec": spec}, ("spec.volume",))
    except InputChanged:
        return ""
    return str(job["metadata"]["name"])


def _is_given_the_same(begun: Begun, step: str, now: Mapping[str, Json]) -> bool:
    """Whether no step that it needs, or only depends on, runs anew."""
    return all(now[other]["phase"] == REUSED for other in graph.needs(begun.spec)[step])


def _earlier_step(world: RunWorld, step: str) -> Json:
    status = (world.earlier or {}).get("status") or {}
    return next((one for one in status.get("steps") or () if one["name"] == step), {})


def _earlier_spec(world: RunWorld, step: str) -> Json | None:
    """What the step's job was there, as if its own folders were this run's."""
    if world.earlier is None:
        return None
    status = world.earlier.get("status") or {}
    before = beginnings.of(status)
    if before is None:
        return None
    outputs = {one["name"]: one.get("outputs") or {} for one in status.get("steps") or ()}
    folder_of = names.folder_of(world.run, before.claim)
    try:
        return dict(shape.without_nulls(compile.job_spec(before.spec, step, before.parameters, outputs, folder_of)))
    except ManifestError:
        return None
