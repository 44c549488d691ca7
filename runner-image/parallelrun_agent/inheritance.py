"""What the former holders of a range left behind: sealed records, spent tries, and what ran when they died."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import layout
from parallelrun_agent.slots import left_behind
from parallelrun_agent.tries import read_tries
from parallelrun_worker.segment import SUCCEEDED

if TYPE_CHECKING:
    from parallelrun_agent.output.segments import Records


@dataclass(frozen=True)
class Inheritance:
    """Of one range; fields as in :class:`parallelrun_agent.events.LeaseGranted`."""

    finished: bytes | None = None
    counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    charged: dict[int, int] | None = None
    suspects: Sequence[int] = ()


def inherit(
    folder: Path, former: Sequence[str], start: int, stop: int, run_max_try: int, retry_failures_below: int
) -> Inheritance:
    """Read, and make durable, what the holders in ``former`` left of mini-batches [start, stop).

    Sealed successes are not run again, nor failures, whose tries are all spent, unless a rerun asks for the failures
    of earlier epochs (``retry_failures_below``).
    """
    if not former:
        return Inheritance()
    finished, counts = _finished(folder, former, start, stop, retry_failures_below)
    charged, suspects = remembered(folder, former)
    inside = {m: n for m, n in charged.items() if start <= m < stop and not (finished and finished[m - start])}
    if retry_failures_below:
        inside = {m: n for m, n in inside.items() if n < run_max_try}
    return Inheritance(finished, counts, inside, sorted(m for m in suspects if start <= m < stop))


def finished_records(folder: Path, holders: Sequence[str], start: int, stop: int, retry_failures_below: int) -> Records:
    """The winning records of ``holders`` for [start, stop) that are not to be run again; made durable."""
    from parallelrun_agent.output.segments import best_records

    best: Records = best_records(folder, holders, start, stop)
    standing: Records = best[(best["status"] == SUCCEEDED) | (best["epoch"] >= retry_failures_below)]
    return standing


def remembered(folder: Path, former: Sequence[str]) -> tuple[dict[int, int], set[int]]:
    """Tries spent under these holders, by mini-batch, and what was running when they died."""
    charged: dict[int, int] = {}
    suspects: set[int] = set()
    for holder in former:
        for path in _files_of(folder, holder):
            if path.suffix == ".slots":
                suspects.update(slot.mini_batch for slot in left_behind(path))
                continue
            tries, alone = read_tries(path)
            for mini_batch, number in tries.items():
                charged[mini_batch] = max(number, charged.get(mini_batch, 0))
            for mini_batch in alone:  # its holder died with it, and with nothing else running
                charged[mini_batch] = charged.get(mini_batch, 0) + 1
                suspects.add(mini_batch)
    return charged, suspects


def _files_of(folder: Path, holder: str) -> list[Path]:
    tries = folder / layout.TRIES
    names = sorted(os.listdir(tries)) if tries.is_dir() else []
    return [tries / name for name in names if layout.tries_holder(name) == holder]


def _finished(
    folder: Path, former: Sequence[str], start: int, stop: int, retry_failures_below: int
) -> tuple[bytes | None, tuple[int, int, int, int, int]]:
    import numpy as np

    from parallelrun_agent.output.counts import counts_of

    best = finished_records(folder, former, start, stop, retry_failures_below)
    if not len(best):
        return None, (0, 0, 0, 0, 0)
    marks = np.zeros(stop - start, dtype=np.uint8)
    marks[best["mini_batch"].astype(np.int64) - start] = 1
    return marks.tobytes(), counts_of(best).as_tuple()
