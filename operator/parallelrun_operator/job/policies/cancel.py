"""``spec.cancel``: the job stops for good. One-way, and too late once the output is being written."""

from __future__ import annotations

from parallelrun.api.conditions import CANCELLED
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step


def cancel(case: Case) -> Step:
    """Abort a job that people cancelled."""
    too_late = case.header.phase in (Phase.COMMITTING, Phase.ABORTED)
    return Step((Abort(CANCELLED, "cancelled by spec.cancel"),)) if case.cancelled and not too_late else Step()
