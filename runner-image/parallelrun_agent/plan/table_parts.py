"""The parts of a table while it is planned: what a format can say of its files, and the parts' table row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from parallelrun_agent.plan.columns import BATCH, Table
from parallelrun_agent.plan.row_ranges import Range
from parallelrun_agent.plan.table_files import TextForm


class TableFormat(Protocol):
    """The files of a job's table, in one format."""

    form: TextForm

    def parts(self, path: str, size: int, wanted: int) -> Iterator[Range]:
        """The parts of one file, of about ``wanted`` bytes each."""

    def is_cut(self, path: str) -> bool:
        """Whether the file's parts can be made as small as a row."""

    def infer(self, places: Sequence[tuple[str, int, int]]) -> dict[str, str]:
        """The dtype of each column, in the order of the file, from some parts (path, start, stop)."""

    def key_runs(
        self, path: str, part: Range, columns: Sequence[str], dtypes: dict[str, str]
    ) -> Iterator[tuple[tuple[str, ...], int, int]]:
        """Runs of adjacent rows of a part with the same values in ``columns``: values, start, stop."""


def each_file(files: Table) -> Iterator[tuple[int, str, int, int]]:
    """Number, path, size and input number of each file."""
    for start in range(0, files.rows, BATCH):
        stop = min(start + BATCH, files.rows)
        paths = files.paths(start, stop)
        sizes, inputs = (files.integers(name, start, stop).tolist() for name in ("size", "input"))
        yield from zip(range(start, stop), paths, sizes, inputs, strict=True)


def each_part(parts: Table) -> Iterator[tuple[int, int, int]]:
    """File number, start and stop of each part."""
    for first in range(0, parts.rows, BATCH):
        last = min(first + BATCH, parts.rows)
        columns = (parts.integers(name, first, last).tolist() for name in ("file", "start", "stop"))
        yield from zip(*columns, strict=True)


def sampled(files: Table, parts: Table, places: int) -> list[tuple[str, int, int]]:
    """Up to so many parts (path, start, stop), evenly spaced, the first among them."""
    numbers = sorted({place * parts.rows // places for place in range(places)}) if parts.rows else []
    chosen = []
    for number in numbers:
        file, start, stop = (int(parts.integers(name, number, number + 1)[0]) for name in ("file", "start", "stop"))
        chosen.append((files.paths(file, file + 1)[0], start, stop))
    return chosen
