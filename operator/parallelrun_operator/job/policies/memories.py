"""Which memories still mean something: none that measure silence, once this process was blind or asleep itself."""

from __future__ import annotations

from dataclasses import replace

from parallelrun.leases import pace
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.world import World


def settled(world: World) -> World:
    """``world`` with a memory to decide on: timers anew where watches were blind or the last look is long ago."""
    memory, now = world.memory, world.now
    awake = memory.looked is not None and now - memory.looked <= pace.lease_seconds(len(world.nodes)) / 2
    if not (awake and world.watching):
        memory = Memory(replaced=memory.replaced, samples=memory.samples, status_written=memory.status_written)
    return replace(world, memory=replace(memory, looked=now))
