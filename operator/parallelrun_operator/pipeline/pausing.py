"""``spec.suspend`` of a run reaches the jobs of its steps: they pause with it, and go on with it.

A job that was suspended by itself stays so: those that were suspended with the run carry a mark.
"""

from __future__ import annotations

from parallelrun.api.conditions import SUSPENDED_WITH_RUN
from parallelrun.kube.resources import PARALLEL_RUN_JOBS
from parallelrun_operator.job.actions import Action, Patch
from parallelrun_operator.pipeline import steps
from parallelrun_operator.pipeline.world import Json, RunWorld


def actions(world: RunWorld) -> list[Action]:
    """Jobs to suspend, or to let go on."""
    running = [job for job in world.jobs.values() if not steps.over(job)]
    if world.spec.get("suspend") and not world.spec.get("cancel"):
        return [_patch(job, True, "true") for job in running if not job["spec"].get("suspend")]
    return [_patch(job, False, None) for job in running if _marked(job)]


def _marked(job: Json) -> bool:
    return SUSPENDED_WITH_RUN in (job["metadata"].get("annotations") or {})


def _patch(job: Json, suspend: bool, mark: str | None) -> Action:
    patch = {"metadata": {"annotations": {SUSPENDED_WITH_RUN: mark}}, "spec": {"suspend": suspend}}
    return Patch(PARALLEL_RUN_JOBS, job["metadata"]["name"], patch)
