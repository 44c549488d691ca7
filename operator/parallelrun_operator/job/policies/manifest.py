"""Refuses what the API server's own checks could not see, in the words of ``parallelrun validate``."""

from __future__ import annotations

from typing import NamedTuple

from parallelrun.api.conditions import MANIFEST_ERROR
from parallelrun.api.errors import ManifestError
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step
from parallelrun_operator.job.settings import Lacking, Resolved, resolve
from parallelrun_operator.job.world import World


class Reading(NamedTuple):
    """The manifest as resolved, or why it is not: what is wrong with it, or what it names that is not there yet."""

    resolved: Resolved | None
    problem: str = ""
    lacking: Lacking | None = None


def read(world: World) -> Reading:
    """The manifest, with the registered objects at hand."""
    try:
        return Reading(resolve(world.job, world.config, world.registered, world.reusable))
    except Lacking as lacking:
        return Reading(None, lacking=lacking)
    except ManifestError as error:
        return Reading(None, str(error))


def refused(case: Case) -> Step:
    """Abort a job whose manifest an operator of another version accepted when it began."""
    too_late = case.header.phase in (Phase.COMMITTING, Phase.ABORTED)
    return Step((Abort(MANIFEST_ERROR, case.problem),)) if case.problem and not too_late else Step()
