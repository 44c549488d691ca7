"""Aborts a job of which more failed than its manifest tolerates, by the counts of shards and heartbeats."""

from __future__ import annotations

from parallelrun.leases import thresholds as rules
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step


def thresholds(case: Case) -> Step:
    """Items, mini-batches, percent."""
    if case.resolved is None or case.header.phase is not Phase.RUNNING or case.header.plan is None:
        return Step()
    violated = rules.violation(case.tally.counts, case.header.plan.total, case.resolved.settings.limits)
    return Step((Abort(*violated),)) if violated else Step()
