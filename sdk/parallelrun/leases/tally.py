"""How far a job is, summed up from shards and heartbeats, for displays, status and thresholds alike.

Counts are final in a shard once a range is completed or given back; until then the range's holder tells them with its
heartbeat. A heartbeat's count is added only while the shard still counts that very lease as open, so that nothing is
counted twice in the moment between a lease's end and the next heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from parallelrun.leases.allocator import Counts, Shard
from parallelrun.leases.node import NodeLease


@dataclass(frozen=True)
class Tally:
    """One moment of a job."""

    counts: Counts
    init_failures: dict[int, int]  # by node: how often init() failed there
    first_error: str  # of any node: a traceback or a reason; "" where nothing failed
    stalled: str  # what a node waits for ("no space left: ..."); "" where none waits
    stalled_on: str  # what is in its way: "volume", "cache" (the disk of fetched files) or "store"; "": not known


def tally(shards: Iterable[Shard | None], nodes: Mapping[int, NodeLease | None]) -> Tally:
    """Of all shards (None: nothing was claimed of it yet) and all nodes' leases (None: never taken)."""
    made = [shard for shard in shards if shard is not None]
    held = {(lease.holder, lease.start, lease.epoch) for shard in made for lease in shard.leases}
    counts = sum((shard.counts for shard in made), Counts())
    init_failures, first_error, stalled, stalled_on = {}, "", "", ""
    for node, lease in sorted(nodes.items()):
        progress = lease.progress if lease else {}
        for start, epoch, *numbers in progress.get("leases", ()):
            if lease is not None and (lease.holder, start, epoch) in held:
                counts += Counts(*numbers)
        init_failures[node] = progress.get("init_failures", 0)
        first_error = first_error or progress.get("first_error", "")
        if lease is not None and lease.holder and not stalled:
            stalled, stalled_on = progress.get("stalled", ""), progress.get("stalled_on", "")
    return Tally(counts, init_failures, first_error, stalled, stalled_on)
