"""``logs/processed_mini-batches.csv``: one line for each finished mini-batch, in index order.

Of the columns, mini-batch and items are the same in every run over the same plan, and so are status and error where
the script is deterministic; node, process, tries and elapsed (seconds, of the winning try) tell of this run.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from parallelrun.api import layout
from parallelrun_agent.output import durable
from parallelrun_agent.output.winners import FAILED, Rows, Winners
from parallelrun_agent.report.failures import Failure, origin, read_failures

COLUMNS = ("mini-batch", "node", "process", "tries", "elapsed", "status", "items", "error")


@dataclass(frozen=True)
class MiniBatch:
    """One line."""

    mini_batch: int
    node: str
    process: str
    tries: int
    elapsed: float
    status: str  # "succeeded" | "failed"
    items: int
    error: str


def write(folder: Path, winners: Winners, path: Path | None = None) -> Path:
    """Write the list of the job in ``folder`` to ``path`` (default: its place there), which is returned.

    What has no record has no line. Raises NoSpace or OutputError.
    """
    path = path or folder / layout.MINI_BATCHES
    with durable.writing(path), durable.temporary_of(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            durable.write_all(fd, (",".join(COLUMNS) + "\n").encode())
            for block in _blocks(folder, winners):
                durable.write_all(fd, block.encode("utf-8", "backslashreplace"))
        finally:
            os.close(fd)
        os.replace(temporary, path)
    return path


def read(path: Path) -> Iterator[MiniBatch]:
    """The lines of such a file, in index order. Raises OSError or ValueError."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        if tuple(next(lines, ())) != COLUMNS:
            raise ValueError(f"{path} is not a list of processed mini-batches")
        for number, node, process, tries, elapsed, status, items, error in lines:
            yield MiniBatch(int(number), node, process, int(tries), float(elapsed), status, int(items), error)


def _blocks(folder: Path, winners: Winners) -> Iterator[str]:
    where = [",".join(origin(name)) for name in winners.segments]
    failures = read_failures(folder, winners)
    for first, rows in winners.chunks():
        yield "".join(_lines(first, rows, where, failures))


def _lines(first: int, rows: Rows, where: list[str], failures: Iterator[Failure]) -> list[str]:
    numbers = numpy.arange(first, first + len(rows))
    lines = [
        f"{number},{where[segment]},{tries},{elapsed:.4f},succeeded,{items},\n" if state > FAILED else ""
        for number, state, segment, tries, elapsed, items in _columns(numbers, rows)
    ]
    short = (rows["state"] > FAILED) & (rows["returned"] < rows["items"])
    for place in numpy.flatnonzero(short).tolist():
        returned, items = rows["returned"][place], rows["items"][place]
        lines[place] = f"{lines[place][:-1]}run returned {returned} elements for {items} items\n"
    for place in numpy.flatnonzero(rows["state"] == FAILED).tolist():
        lines[place] = _failed_line(next(failures))
    return lines


def _columns(numbers: Any, rows: Rows) -> Iterator[tuple[Any, ...]]:
    names = ("state", "segment", "try_number", "elapsed", "items")
    return zip(numbers.tolist(), *(rows[name].tolist() for name in names), strict=True)


def _failed_line(failure: Failure) -> str:
    error = failure.error.replace('"', '""')
    origin_text = f"{failure.node},{failure.process}"
    numbers = f"{failure.tries},{failure.elapsed:.4f},failed,{failure.items}"
    return f'{failure.mini_batch},{origin_text},{numbers},"{error}"\n'
