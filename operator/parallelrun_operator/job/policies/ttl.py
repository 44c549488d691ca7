"""Deletes a job some time after its end, where its manifest says so; its folder on the volume stays."""

from __future__ import annotations

from datetime import datetime

from parallelrun.kube.resources import PARALLEL_RUN_JOBS
from parallelrun_operator.job.actions import Delete
from parallelrun_operator.job.policies.case import Step
from parallelrun_operator.job.world import World


def ttl(world: World, completion_time: str | None) -> Step:
    """``completion_time`` is that of the job's status; None: it is not over."""
    seconds = world.job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or completion_time is None:
        return Step()
    left = seconds - (world.clock - datetime.fromisoformat(completion_time)).total_seconds()
    if left > 0:
        return Step((), {}, left)
    return Step((Delete(PARALLEL_RUN_JOBS, world.name, world.uid),))
