"""The plan of a File input: mini-batches of so many files, or of the files that share a partition.

A mini-batch of so many files never holds files of two inputs. By partition, mini-batches come in the natural order of
the key values, and the files of each in the order of the input (over all inputs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan import keys, order, sorting
from parallelrun_agent.plan.columns import TableWriter
from parallelrun_agent.plan.draft import FILES, MINI_BATCHES, Draft
from parallelrun_agent.plan.sources import FileRow, Source, list_rows, path_columns, require_some

if TYPE_CHECKING:
    from parallelrun_agent.storage import Storage

#: Mini-batches that are computed at a time.
_CHUNK = 1 << 20


def plan_files(settings: JobSettings, sources: Sequence[Source], draft: Draft, storage: Storage) -> int:
    """Write the tables of a File input; returns the number of mini-batches. Raises InputError and StorageError."""
    columns = list(path_columns(sources))
    by_key = settings.partition_keys
    keys.require(by_key, columns, "partitionFormat of the inputs")
    files = draft.files(columns)
    mini_batches = draft.mini_batches(by_key)
    if by_key:
        at = [columns.index(name) for name in by_key]
        _add_partitions(_sorted_by_key(_all_rows(sources, columns, draft, storage), at, draft), files, mini_batches)
    else:
        for source in sources:
            first = files.rows
            for row in list_rows(source, columns, draft.folder, storage):
                files.add(row)
            _add_groups(mini_batches, first, files.rows, settings.mini_batch_size)
    require_some(settings, draft.closed(FILES, files), "file")
    return draft.closed(MINI_BATCHES, mini_batches)


def _add_groups(mini_batches: TableWriter, first: int, last: int, size: int) -> None:
    """Mini-batches of ``size`` files over the files [first, last)."""
    import numpy as np

    stops = range(first + size, last + size, size)
    for start in range(0, len(stops), _CHUNK):
        chunk = stops[start : start + _CHUNK]
        mini_batches.add_columns(np.minimum(np.arange(chunk.start, chunk.stop, size, dtype=np.int64), last))


def _all_rows(sources: Iterable[Source], columns: Sequence[str], draft: Draft, storage: Storage) -> Iterator[FileRow]:
    for source in sources:
        yield from list_rows(source, columns, draft.folder, storage)


def _sorted_by_key(
    rows: Iterable[FileRow], at: Sequence[int], draft: Draft
) -> Iterator[tuple[tuple[str, ...], FileRow]]:
    """Rows with their key values, ordered by key and then as they came."""

    def keyed() -> Iterator[tuple[bytes, int, tuple[str, ...], FileRow]]:
        for number, row in enumerate(rows):
            values = tuple(str(row[4 + position] or "") for position in at)
            yield order.tuple_key(values), number, values, row

    for _, _, values, row in sorting.sort_on_disk(keyed(), draft.folder):
        yield values, row


def _add_partitions(
    rows: Iterable[tuple[tuple[str, ...], FileRow]], files: TableWriter, mini_batches: TableWriter
) -> None:
    current: tuple[str, ...] | None = None
    for values, row in rows:
        if current is not None and values != current:
            mini_batches.add((files.rows, *current))
        current = values
        files.add(row)
    if current is not None:
        mini_batches.add((files.rows, *current))
