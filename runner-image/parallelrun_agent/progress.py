"""What a heartbeat tells of a node: JSON that the operator, or the parent on one machine, sums up and shows.

Counts of open leases are listed by lease, so that a reader adds only those that the allocator still counts as open:
nothing is counted twice in the moment between a lease's completion and the next heartbeat.
"""

from __future__ import annotations

from typing import Any

from parallelrun_agent.node_work import NodeWork
from parallelrun_agent.stall import Stall

#: Characters of an error that travel in a heartbeat.
ERROR_LIMIT = 2000


def progress_of(state: str, stall: Stall, work: NodeWork | None) -> dict[str, Any]:
    """``stalled``: why the node pauses, and ``stalled_on`` what; ``leases``: [start, epoch, the five counts of
    ``allocator.Counts``] each; ``completed``: by this agent so far; ``first_failure``: [mini-batch, why] of the first
    that failed for good; ``models``: versions by name of those that scripts asked for, beside what the job lists.
    """
    if work is None:
        return {"state": state, "stalled": stall.text, "stalled_on": stall.on}
    machine = work.machine
    return {
        "state": state,
        "stalled": stall.text or machine.stalled,
        "stalled_on": stall.on,
        "completed": machine.leases.completed,
        "processes": machine.alive,
        "running": work.running(),
        "leases": [[lease.start, lease.epoch, *lease.counts] for lease in machine.leases.open.values()],
        "init_failures": machine.init_failures,
        "first_error": machine.leases.first_error[-ERROR_LIMIT:],
        "first_failure": _failure(machine.leases.first_failure),
        "models": work.models.given,
    }


def _failure(failure: tuple[int, str] | None) -> list[Any] | None:
    return None if failure is None else [failure[0], failure[1][-ERROR_LIMIT:]]
