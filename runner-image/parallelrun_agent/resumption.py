"""Shards for a run that goes on: built from what its earlier processes sealed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.leases import allocator
from parallelrun.leases.allocator import Counts, Shard
from parallelrun.leases.header import Header


def resumed_shards(folder: Path, header: Header, retry_failures_below: int) -> list[Shard]:
    """One shard for each of ``header``; its plan is known. What is sealed is completed and counted, the rest is not.

    Failures of epochs below ``retry_failures_below`` are to be run again.
    """
    import numpy as np

    from parallelrun_agent.inheritance import finished_records
    from parallelrun_agent.output.segments import list_segments

    assert header.plan is not None
    holders = sorted({layout.segment_holder(name) for name in list_segments(folder)})
    former = tuple(sorted({*holders, *_tries_holders(folder)}))
    marked = _marked(folder, former)
    shards = []
    for start, stop in allocator.split(header.plan.total, header.shards):
        best = finished_records(folder, holders, start, stop, retry_failures_below)
        todo = _gaps(best["mini_batch"].astype(np.int64), start, stop)
        shard = allocator.resumed(start, stop, header.generation, todo, former, partial(_sum, best))
        shards.append(_naming_former(shard, former, marked))
    return shards


def _gaps(indexes: Any, start: int, stop: int) -> list[tuple[int, int]]:
    """What of [start, stop) is not in the sorted ``indexes``, as ranges."""
    import numpy as np

    edges = np.concatenate([[start - 1], indexes, [stop]])
    holes = np.flatnonzero(np.diff(edges) > 1)
    return [(int(edges[i]) + 1, int(edges[i + 1])) for i in holes]


def _sum(best: Any, start: int, stop: int) -> Counts:
    from parallelrun_agent.output.counts import counts_of

    indexes = best["mini_batch"]
    low, high = indexes.searchsorted(start), indexes.searchsorted(stop)
    return counts_of(best[low:high])


def _tries_holders(folder: Path) -> set[str]:
    tries = folder / layout.TRIES
    names = os.listdir(tries) if tries.is_dir() else []
    return {layout.tries_holder(name) for name in names}


def _marked(folder: Path, former: Sequence[str]) -> list[int]:
    """Mini-batches with spent tries, or that were running at the end: whoever claims them has to know."""
    from parallelrun_agent.inheritance import remembered

    charged, suspects = remembered(folder, former)
    return sorted({*charged, *suspects})


def _naming_former(shard: Shard, former: tuple[str, ...], marked: Sequence[int]) -> Shard:
    unclaimed = tuple(
        replace(u, former=former) if any(u.start <= m < u.stop for m in marked) else u for u in shard.unclaimed
    )
    return replace(shard, unclaimed=unclaimed)
