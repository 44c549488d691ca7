"""Mini-batches of a table by partition keys: values from paths, from columns, or from both.

Keys that are all read from paths make whole files the parts. Keys that are columns take one streaming pass over the
rows: adjacent rows with the same values are one part, and parts are sorted by key on disk, so that neither the order of
the rows nor their number matters to memory. Values are text: numbers as Python writes them in the column's type, a
missing value as "". Within a mini-batch, rows keep the order of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from parallelrun.api.errors import InputError
from parallelrun_agent.plan import order, sorting
from parallelrun_agent.plan.columns import Table
from parallelrun_agent.plan.draft import MINI_BATCHES, PARTS, PATH_COLUMN, Draft
from parallelrun_agent.plan.key_conditions import KeyConditions
from parallelrun_agent.plan.row_ranges import Range
from parallelrun_agent.plan.table_parts import TableFormat, each_file, each_part
from parallelrun_agent.storage import Storage
from parallelrun_agent.storage.reading import Source

#: Keys of values that are remembered: unsorted rows have few of them again and again.
_KEPT = 1 << 16
#: Values of the keys, start, stop
KeyRun = tuple[tuple[str, ...], int, int]
#: Values of the keys, file number, start, stop
_Part = tuple[tuple[str, ...], int, int, int]


class Keys:
    """Where each key is read from: the path where its format has the key, else the column of that name."""

    def __init__(self, keys: Sequence[str], path_columns: Sequence[str]) -> None:
        """``keys`` in the order of the partition."""
        self.names = list(keys)
        self.from_path = [key for key in keys if key in path_columns]
        self.from_rows = [key for key in keys if key not in path_columns]

    def ordered(self, path_values: Sequence[str], row_values: Sequence[str]) -> tuple[str, ...]:
        """The values in the order of the partition."""
        values = dict(zip(self.from_path, path_values, strict=True)) | dict(
            zip(self.from_rows, row_values, strict=True)
        )
        return tuple(values[name] for name in self.names)


def coalesced(rows: Iterable[KeyRun]) -> Iterator[KeyRun]:
    """Adjacent runs with the same values as one."""
    held: KeyRun | None = None
    for run in rows:
        if held and held[0] == run[0] and held[2] == run[1]:
            held = (held[0], held[1], run[2])
        else:
            if held:
                yield held
            held = run
    if held:
        yield held


def add_partitions(
    keys: Keys, table: TableFormat, dtypes: dict[str, str], scan: Table, draft: Draft, storage: Storage
) -> int:
    """Write parts and mini-batches by key, from the parts in ``scan``; returns the number of mini-batches."""
    files = Table(draft.folder / "files.arrow")
    parts, mini_batches = draft.parts(), draft.mini_batches(keys.names)
    key = lru_cache(_KEPT)(order.tuple_key)
    wanted = KeyConditions(draft.document["table"], [name if name in keys.from_rows else "" for name in keys.names])
    found = wanted.meeting(_parts(keys, table, dtypes, files, scan, storage))
    keyed = ((key(part[0]), *part[1:], part[0]) for part in found)
    current: tuple[str, ...] | None = None
    for _, number, start, stop, values in sorting.sort_on_disk(keyed, draft.folder):
        if current is not None and values != current:
            mini_batches.add((parts.rows, *current))
        current = values
        parts.add((number, start, stop))
    if current is not None:
        mini_batches.add((parts.rows, *current))
    draft.closed(PARTS, parts)
    return draft.closed(MINI_BATCHES, mini_batches)


def _parts(
    keys: Keys, table: TableFormat, dtypes: dict[str, str], files: Table, scan: Table, storage: Storage
) -> Iterator[_Part]:
    """Every part with its values, in the order of the input; adjacent ones of a file coalesced."""
    held: _Part | None = None
    for number, parts in groupby(each_part(scan), itemgetter(0)):
        path_values = [files.texts(PATH_COLUMN + name, number, number + 1)[0] or "" for name in keys.from_path]
        with next(each_file(files, number, number + 1)).source(storage) as source:
            for row_values, first, last in _runs(keys, table, dtypes, source, (part[1:] for part in parts)):
                values = keys.ordered(path_values, row_values)
                if held and held[0] == values and held[1] == number and held[3] == first:
                    held = (values, number, held[2], last)
                else:
                    if held:
                        yield held
                    held = (values, number, first, last)
    if held:
        yield held


def _runs(
    keys: Keys, table: TableFormat, dtypes: dict[str, str], source: Source, parts: Iterable[Range]
) -> Iterator[KeyRun]:
    if not keys.from_rows:
        yield from (((), start, stop) for start, stop in parts)
        return
    if not table.is_cut(source.path):
        raise InputError(
            f"{source.path} is one piece (compressed, or in an encoding that cannot be cut), but partitionKeys has a "
            f"column: {keys.from_rows[0]!r}",
            "Decompress the files or store them as UTF-8, or take the keys from their paths with partitionFormat.",
        )
    for part in parts:
        yield from table.key_runs(source, part, keys.from_rows, dtypes)
