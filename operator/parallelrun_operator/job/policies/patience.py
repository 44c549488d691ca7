"""``spec.advanced``: how long planning may take, and how long no mini-batch may finish.

Time does not count in which the job was suspended, no node had a lease (it waits for room, or its image is mended), or
nodes waited for storage.
"""

from __future__ import annotations

from parallelrun.leases.patience import overdue
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step


def patience(case: Case) -> Step:
    """Abort a job that gets nowhere."""
    if case.resolved is None:
        return Step()
    now, phase, completed = case.world.now, case.header.phase, case.tally.counts.completed
    paused = case.suspended or not case.holders or bool(case.tally.stalled)
    seen = case.memory.progress
    since = now if paused or seen[:2] != (phase.value, completed) else seen[2]
    found = overdue(phase, now - since, case.resolved.settings.advanced)
    return Step((Abort(*found),) if found else (), {"progress": (phase.value, completed, since)})
