"""A shard as plain JSON values, compact: an API object of a cluster holds it, and every claim reads and writes it.

Holders (pod UIDs, 36 characters) stand once in a table. Chains of former holders share their beginnings: entry ``i`` of
``former`` (from 1; 0 is the empty chain) is ``[the chain that it prolongs, holder]``. Ranges are
``[start, length, former]``, leases ``[holder, epoch, start, length, former]``.
"""

from __future__ import annotations

from typing import Any

from parallelrun.leases.allocator import Counts, Lease, Shard, Unclaimed


class _Tables:
    """Holders and chains of former holders, numbered as they come."""

    def __init__(self) -> None:
        self.holders: dict[str, int] = {}
        self.chains: dict[tuple[int, int], int] = {}

    def holder(self, name: str) -> int:
        return self.holders.setdefault(name, len(self.holders))

    def chain(self, former: tuple[str, ...]) -> int:
        number = 0
        for name in former:
            number = self.chains.setdefault((number, self.holder(name)), len(self.chains) + 1)
        return number


def shard_to_json(shard: Shard) -> dict[str, Any]:
    """``shard`` as plain JSON values."""
    tables = _Tables()
    unclaimed = [[x.start, x.stop - x.start, tables.chain(x.former)] for x in shard.unclaimed]
    leases = [
        [tables.holder(x.holder), x.epoch, x.start, x.stop - x.start, tables.chain(x.former)] for x in shard.leases
    ]
    return {
        "start": shard.start,
        "stop": shard.stop,
        "epoch": shard.epoch,
        "holders": list(tables.holders),
        "former": [list(x) for x in tables.chains],
        "unclaimed": unclaimed,
        "leases": leases,
        "counts": list(shard.counts.as_tuple()),
    }


def shard_from_json(value: dict[str, Any]) -> Shard:
    """The inverse of :func:`shard_to_json`; raises KeyError, IndexError, TypeError or ValueError on anything else."""
    names: list[str] = value["holders"]
    chains: list[tuple[str, ...]] = [()]
    for parent, holder in value["former"]:
        chains.append((*chains[parent], names[holder]))
    return Shard(
        start=value["start"],
        stop=value["stop"],
        epoch=value["epoch"],
        unclaimed=tuple(Unclaimed(a, a + n, chains[former]) for a, n, former in value["unclaimed"]),
        leases=tuple(Lease(names[h], e, a, a + n, chains[former]) for h, e, a, n, former in value["leases"]),
        counts=Counts(*value["counts"]),
    )
