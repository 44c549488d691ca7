"""What the operator makes for a job. Pure: from World and Resolved to API objects and the actions that make them."""

from __future__ import annotations

from typing import Any

from parallelrun_operator.job.actions import Action
from parallelrun_operator.job.settings import Resolved
from parallelrun_operator.job.world import World


def first(world: World, resolved: Resolved) -> tuple[Action, ...]:
    """For a job that never had a header: rights, settings, Leases, shards and, last, the header."""
    raise NotImplementedError


def standing(world: World, resolved: Resolved) -> tuple[Action, ...]:
    """For a job that has a header and goes on: what was deleted by hand, and what scaling changes. Mostly nothing.

    To be carried out before the Job is made or scaled: agents read the settings, and need their Lease, from the start.
    """
    raise NotImplementedError


def job(world: World, resolved: Resolved) -> dict[str, Any]:
    """The Indexed Job to create."""
    raise NotImplementedError
