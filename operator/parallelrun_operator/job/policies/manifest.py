"""Refuses what the API server's own checks could not see, in the words of ``parallelrun validate``."""

from __future__ import annotations

from parallelrun.api.conditions import MANIFEST_ERROR
from parallelrun.api.errors import ManifestError
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step
from parallelrun_operator.job.settings import Resolved, resolve
from parallelrun_operator.job.world import World


def read(world: World) -> tuple[Resolved | None, str]:
    """The manifest as resolved, or what is wrong with it."""
    try:
        return resolve(world.job, world.config), ""
    except ManifestError as error:
        return None, str(error)


def refused(case: Case) -> Step:
    """Abort a job whose manifest an operator of another version accepted when it began."""
    too_late = case.header.phase in (Phase.COMMITTING, Phase.ABORTED)
    return Step((Abort(MANIFEST_ERROR, case.problem),)) if case.resolved is None and not too_late else Step()
