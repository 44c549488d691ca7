"""Sealed records as a segment's index holds them: which wins, and what is counted for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from parallelrun.leases import allocator
from parallelrun.leases.allocator import Counts


class Record(NamedTuple):
    """What a segment's index holds, in the order in which one wins over another of the same mini-batch."""

    mini_batch: int
    succeeded: bool
    epoch: int
    try_number: int
    holder: str


def newer(valid: Record | None, corrupt: Record) -> bool:
    return valid is not None and valid.epoch > corrupt.epoch


def winners(records: Iterable[Record]) -> dict[int, Record]:
    """Success before failure, then higher epoch, then higher try."""
    best: dict[int, Record] = {}
    for r in records:
        best[r.mini_batch] = max(best.get(r.mini_batch, r), r)
    return best


def count(r: Record) -> Counts:
    retried = int(r.try_number > 1)
    return Counts(1, 0, retried, 10, 0) if r.succeeded else Counts(1, 1, retried, 0, 10)


def total(records: dict[int, Record], mini_batches: Iterable[int]) -> Counts:
    return sum((count(records[m]) for m in mini_batches), Counts())


def completed_in(shard: allocator.Shard) -> list[int]:
    elsewhere = {m for x in (*shard.unclaimed, *shard.leases) for m in range(x.start, x.stop)}
    return [m for m in range(shard.start, shard.stop) if m not in elsewhere]


def ranges(mini_batches: Iterable[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for m in mini_batches:
        if out and out[-1][1] == m:
            out[-1] = (out[-1][0], m + 1)
        else:
            out.append((m, m + 1))
    return out
