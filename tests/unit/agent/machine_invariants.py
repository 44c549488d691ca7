"""What is true of a machine between any two events."""

from __future__ import annotations

from parallelrun_agent.machine import Machine


def check(machine: Machine) -> None:
    """Raise AssertionError where an invariant is broken."""
    for lease in machine.leases.open.values():
        flying = sum(len(g.tasks) - g.position for p in machine.processes for g in p.groups if g.lease is lease)
        assert flying == lease.in_flight, (flying, lease)
        pending = [*machine.leases.failures_unsealed, *(u for p in machine.processes for u in p.unsealed)]
        assert sum(n for _, of, n in pending if of is lease) == lease.unsealed, lease
        assert lease.start <= lease.cursor <= lease.stop, lease
    if machine.alone is not None:
        assert sum(len(p.groups) for p in machine.processes) == 1, "a suspect does not run alone"
