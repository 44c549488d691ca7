"""Sorting more rows than memory should hold: sorted runs in temporary files, merged as they are read.

A folder of a million files, or the rows of a table grouped by a key, are sorted with the memory of one run.
"""

from __future__ import annotations

import heapq
import marshal
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

Row = TypeVar("Row", bound=Any)

#: Rows of one run, all that is held in memory at a time.
RUN = 200_000
#: Rows that are read from, or written to, a run's file at a time.
_BLOCK = 1_000
#: More runs than this are first merged into one, so that few files are open at a time.
_FAN_IN = 256


def sort_on_disk(rows: Iterable[Row], folder: Path, run: int = RUN) -> Iterator[Row]:
    """``rows`` in ascending order; rows are what marshal can write: bytes, str, int, tuples of them.

    Runs are unnamed temporary files in ``folder``; fewer rows than ``run`` never touch the disk.
    """
    source = iter(rows)
    runs: list[IO[bytes]] = []
    try:
        while chunk := list(islice(source, run)):
            chunk.sort()
            if not runs and len(chunk) < run:
                yield from chunk
                return
            runs.append(_write(chunk, folder))
            del chunk
            if len(runs) == _FAN_IN:
                merged = _write(_merge(runs), folder)
                _close(runs)
                runs = [merged]
        yield from _merge(runs)
    finally:
        _close(runs)


def _close(runs: list[IO[bytes]]) -> None:
    for file in runs:
        file.close()


def _merge(runs: list[IO[bytes]]) -> Iterator[Row]:
    return heapq.merge(*map(_read, runs))


def _write(rows: Iterable[Row], folder: Path) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=folder, prefix="sort-")  # noqa: SIM115 - closed by sort_on_disk
    source = iter(rows)
    while block := list(islice(source, _BLOCK)):
        marshal.dump(block, file)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Row]:
    while file.peek(1):  # type: ignore[attr-defined]
        yield from marshal.load(file)
