"""The parts of a table while it is planned: what a format can say of its files, and the parts' table row by row."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from parallelrun.api.settings import Condition
from parallelrun_agent.plan.columns import BATCH, Table
from parallelrun_agent.plan.row_ranges import EVERYTHING, Range
from parallelrun_agent.plan.table_files import TextForm
from parallelrun_agent.storage import Storage
from parallelrun_agent.storage.reading import Source

#: Objects whose beginning, or end, is asked for before their turn comes.
_AHEAD = 32


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file as it was listed; ``version`` is the modification time of a file of this machine."""

    number: int
    path: str
    size: int
    version: int
    input: int  # its number in the job

    def source(self, storage: Storage) -> Source:
        """Its bytes; a context manager."""
        return storage.source(self.path, self.size, self.version)


class TableFormat(Protocol):
    """The files of a job's table, in one format."""

    form: TextForm

    def parts(
        self, source: Source, wanted: int, window: Range = EVERYTHING, where: Sequence[Condition] = ()
    ) -> Iterator[Range]:
        """The parts of one file within ``window``, of about ``wanted`` bytes each; without what is known to have no
        row that meets the conditions in ``where``."""

    def is_cut(self, path: str) -> bool:
        """Whether the file's parts can be made as small as a row."""

    def infer(self, places: Sequence[tuple[Source, int, int]]) -> dict[str, str]:
        """The dtype of each column, in the order of the file, from some parts (file, start, stop)."""

    def key_runs(
        self, source: Source, part: Range, columns: Sequence[str], dtypes: dict[str, str]
    ) -> Iterator[tuple[tuple[str, ...], int, int]]:
        """Runs of adjacent rows of a part with the same values in ``columns``: values, start, stop."""


def each_file(files: Table, start: int = 0, stop: int | None = None) -> Iterator[TableFile]:
    """Each file, of those numbered [start, stop)."""
    end = files.rows if stop is None else stop
    for first in range(start, end, BATCH):
        last = min(first + BATCH, end)
        paths = files.paths(first, last)
        sizes, versions, inputs = (files.integers(name, first, last).tolist() for name in ("size", "mtime_ns", "input"))
        yield from map(TableFile, range(first, last), paths, sizes, versions, inputs)


def each_source(
    files: Table, storage: Storage, first_read: Callable[[TableFile], Range], wanted: Callable[[TableFile], bool]
) -> Iterator[tuple[TableFile, Source]]:
    """Each file that is ``wanted`` with its bytes, open until the next; what is read of it first is asked for some
    files in advance."""
    waiting: deque[tuple[TableFile, Source]] = deque()
    try:
        for file in filter(wanted, each_file(files)):
            source = file.source(storage)
            source.expect([first_read(file)])
            waiting.append((file, source))
            if len(waiting) > _AHEAD:
                yield from _used(waiting)
        while waiting:
            yield from _used(waiting)
    finally:
        for _, source in waiting:
            source.close()


def _used(waiting: deque[tuple[TableFile, Source]]) -> Iterator[tuple[TableFile, Source]]:
    file, source = waiting.popleft()
    with source:
        yield file, source


def each_part(parts: Table) -> Iterator[tuple[int, int, int]]:
    """File number, start and stop of each part."""
    for first in range(0, parts.rows, BATCH):
        last = min(first + BATCH, parts.rows)
        columns = (parts.integers(name, first, last).tolist() for name in ("file", "start", "stop"))
        yield from zip(*columns, strict=True)


def sampled(files: Table, parts: Table, places: int) -> list[tuple[TableFile, int, int]]:
    """Up to so many parts (file, start, stop), evenly spaced, the first among them."""
    numbers = sorted({place * parts.rows // places for place in range(places)}) if parts.rows else []
    chosen = []
    for number in numbers:
        file, start, stop = (int(parts.integers(name, number, number + 1)[0]) for name in ("file", "start", "stop"))
        chosen.append((next(each_file(files, file, file + 1)), start, stop))
    return chosen
