"""The one word for how a job is: the header's phase, but for what the header does not know."""

from __future__ import annotations

from parallelrun.leases.header import Phase
from parallelrun_operator.job.policies.case import Case

PENDING = "Pending"
SUSPENDED = "Suspended"


def phase_of(case: Case) -> str:
    """Pending before a node ever took its lease, Suspended where people want a pause and no node works any more."""
    phase = case.header.phase
    if phase in (Phase.DONE, Phase.ABORTED):
        return phase.value
    if case.suspended and not case.holders:
        return SUSPENDED
    return PENDING if phase is Phase.PLANNING and not begun(case) else phase.value


def begun(case: Case) -> bool:
    """Whether a node ever took its lease."""
    return case.header.plan is not None or any(lease is not None for lease in case.world.nodes.values())
