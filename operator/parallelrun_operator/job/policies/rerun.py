"""A job that runs again only what failed in an earlier one waits for that one's end, and is refused where it is gone.

Once the header is of a later generation the results are taken along, and nothing here matters any more. Before that an
obstacle is found twice: before anything is made, and again where the Job is to be made, which may be much later.
"""

from __future__ import annotations

from typing import NamedTuple

from parallelrun.api.conditions import COMPLETE, FAILED
from parallelrun.api.errors import ManifestError
from parallelrun_operator.job.settings import Resolved, rerun
from parallelrun_operator.job.status.conditions import holds
from parallelrun_operator.job.world import World


class Obstacle(NamedTuple):
    """Why the job cannot begin; whether it is only to be waited for."""

    text: str
    passes: bool


def obstacle(world: World, resolved: Resolved) -> Obstacle | None:
    """What keeps the job from taking the earlier one's results along."""
    taken = world.header is not None and world.header.generation > 1
    name = rerun.name_of(world.job)
    if not name or taken or world.job["spec"].get("cancel"):
        return None
    try:
        rerun.earlier(resolved, world.job, world.earlier)
    except ManifestError as error:
        return Obstacle(str(error), passes=False)
    status = (world.earlier or {}).get("status") or {}
    if holds(status, COMPLETE) or holds(status, FAILED):
        return None
    phase = status.get("phase") or "Pending"
    return Obstacle(f"waits for the end of job {name}, whose failures it runs again; that is {phase}", passes=True)
