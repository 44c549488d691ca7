"""The plan of a Tabular input: mini-batches of so many bytes, or of the rows that share a partition.

First every file is listed, then each is cut into parts (its header is read and compared on the way), then the types of
the columns are fixed from a sample of the parts. By size, a part is a mini-batch; by key, parts are what is sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan import file_conditions, keys, table_rows
from parallelrun_agent.plan.column_types import TEXT
from parallelrun_agent.plan.columns import Table, TableWriter
from parallelrun_agent.plan.draft import ALL_ROWS, FILES, MINI_BATCHES, PARTS, PATH_COLUMN, SCAN, Draft
from parallelrun_agent.plan.row_counts import AllRows, Counter, RowsThatMeet
from parallelrun_agent.plan.row_ranges import EVERYTHING, Range
from parallelrun_agent.plan.row_windows import Windows
from parallelrun_agent.plan.sources import Source, TableShape, list_rows, path_columns, require_some
from parallelrun_agent.plan.table_files import TextForm
from parallelrun_agent.plan.table_forms import PARQUET, Forms
from parallelrun_agent.plan.table_keys import Keys, add_partitions
from parallelrun_agent.plan.table_parts import TableFile, TableFormat, each_source, sampled
from parallelrun_agent.plan.text_table import SAMPLE, TextTable
from parallelrun_agent.storage import Storage
from parallelrun_agent.storage.reading import Source as Bytes

#: Bytes of a file that are read first, whatever its format.
_FIRST_READ = 1 << 16
#: How many parts are sampled.
PLACES = 16
#: Bytes of the parts that rows are read from to find their keys.
_SCAN_SIZE = 1 << 20
#: More than any file has: parts are whole files.
_ALL = 1 << 62


def plan_table(settings: JobSettings, sources: Sequence[Source], draft: Draft, storage: Storage) -> int:
    """Write the tables of a Tabular input and draft.document["table"]; returns the number of mini-batches.

    Raises InputError for anything wrong with the files, StorageError for what is wrong with their stores.
    """
    path_dtypes = path_columns(sources)
    listed, stops = _list(settings, sources, list(path_dtypes), draft, storage)
    cutter = _Cutter(sources, storage, draft.folder)
    describe = partial(_describe, draft, cutter, listed, stops, sources, path_dtypes)
    dtypes = _types_first(listed, cutter, describe, draft) if table_rows.need_types(sources, path_dtypes) else None
    windows = cutter.windows = Windows(sources)
    if not settings.partition_keys:
        parts = draft.parts()
        cutter.cut_all(listed, settings.mini_batch_size, parts)
        total = draft.closed(PARTS, parts)
        _require_rows(settings, sources, total)
        _one_part_each(draft, total)
        if dtypes is None:
            describe(Table(draft.folder / PARTS))
        table_rows.trim(draft.document["table"].get("rows", []), windows.trimmed)
        return total
    by = Keys(settings.partition_keys, list(path_dtypes))
    writer = draft.scan()
    cutter.cut_all(listed, _SCAN_SIZE if by.from_rows else _ALL, writer)
    writer.close()
    scan = Table(draft.folder / SCAN)
    if dtypes is None:
        dtypes = describe(scan)
    table_rows.trim(draft.document["table"].get("rows", []), windows.trimmed)
    if dtypes:
        keys.require(settings.partition_keys, [*dtypes, *path_dtypes], "columns of the table")
    total = add_partitions(by, cutter.table, dtypes, scan, draft, storage)
    _require_rows(settings, sources, total)
    (draft.folder / SCAN).unlink()
    return total


def _types_first(
    listed: Table, cutter: _Cutter, describe: Callable[[Table], dict[str, str]], draft: Draft
) -> dict[str, str]:
    """The columns' types, fixed before rows are counted and files left out: which those are depends on values."""
    writer = draft.scan(ALL_ROWS)
    cutter.cut_all(listed, _SCAN_SIZE, writer)
    writer.close()
    dtypes = describe(Table(draft.folder / ALL_ROWS))
    (draft.folder / ALL_ROWS).unlink()
    columns = list(draft.document["table"]["path_columns"])

    def path_values(file: TableFile) -> dict[str, str | None]:
        return {name: listed.texts(PATH_COLUMN + name, file.number, file.number + 1)[0] for name in columns}

    cutter.meeting = RowsThatMeet(draft.document["table"], path_values, draft.folder)
    cutter.kept = file_conditions.kept(listed, draft.document["table"])
    return dtypes


def _require_rows(settings: JobSettings, sources: Sequence[Source], total: int) -> None:
    table_rows.require_some(sources, total)
    require_some(settings, total, "row")


def _list(
    settings: JobSettings, sources: Sequence[Source], columns: Sequence[str], draft: Draft, storage: Storage
) -> tuple[Table, list[int]]:
    """The files, and the number at which those of each source end."""
    files = draft.files(list(columns))
    stops = []
    for source in sources:
        for row in list_rows(source, columns, draft.folder, storage):
            files.add(row)
        stops.append(files.rows)
    require_some(settings, draft.closed(FILES, files), "file")
    return Table(draft.folder / FILES), stops


class _Cutter:
    """Cuts files into parts, by their format."""

    def __init__(self, sources: Sequence[Source], storage: Storage, temporary: Path) -> None:
        self._forms, self.storage, self._temporary = Forms(sources), storage, temporary
        self._where = [table_rows.on_undeclared(one) for one in sources]
        self._table: TableFormat | None = None
        self.windows: Windows | None = None  #: what is taken of each file; None: all
        self.meeting: Counter | None = None  #: counts the rows of inputs with conditions
        self.kept: bytearray | None = None  #: which files may have rows that are taken; None: all

    @property
    def table(self) -> TableFormat:
        """What is known of the files seen."""
        return self._table or TextTable(self._forms.form)

    def cut_all(self, files: Table, wanted: int, parts: TableWriter) -> None:
        """Write the parts of all files."""
        for file, source in each_source(files, self.storage, self._first_read, self._is_wanted):
            table = self._format(file)
            window = EVERYTHING if self.windows is None else self._window(self.windows, file, source, table)
            if window is not None:
                for start, stop in table.parts(source, wanted, window, self._where[file.input]):
                    parts.add((file.number, start, stop))

    def _is_wanted(self, file: TableFile) -> bool:
        if self.kept is not None and not self.kept[file.number]:
            return False
        return self.windows is None or self.windows.is_open(file.input)

    def _window(self, windows: Windows, file: TableFile, source: Bytes, table: TableFormat) -> Range | None:
        counter = self.meeting if windows.has_conditions(file.input) else None
        return windows.of_file(file, source, table, counter or AllRows(table.form, self._temporary))

    def _first_read(self, file: TableFile) -> Range:
        """Parquet files are read from their end."""
        if self._forms.of_file(file.path, file.input).format == PARQUET:
            return max(0, file.size - _FIRST_READ), file.size
        return 0, _FIRST_READ

    def _format(self, file: TableFile) -> TableFormat:
        form = self._forms.of_file(file.path, file.input)
        if self._table is None:
            if form.format == PARQUET:
                from parallelrun_agent.plan.parquet_table import ParquetTable

                self._table = ParquetTable(form)
            else:
                self._table = TextTable(form)
        return self._table


@dataclass(frozen=True)
class _Sample:
    """What the types of columns are inferred from."""

    files: Table
    parts: Table
    storage: Storage

    def infer(self, table: TableFormat) -> dict[str, str]:
        with ExitStack() as stack:
            places = sampled(self.files, self.parts, PLACES)
            opened = [(stack.enter_context(file.source(self.storage)), start, stop) for file, start, stop in places]
            for source, start, _ in opened:
                source.expect([(start, start + SAMPLE)])
            return table.infer(opened)


def _one_part_each(draft: Draft, total: int) -> None:
    """Mini-batches of one part each."""
    import numpy as np

    mini_batches = draft.mini_batches([])
    for start in range(0, total, 1 << 20):
        mini_batches.add_columns(np.arange(start + 1, min(start + (1 << 20), total) + 1, dtype=np.int64))
    draft.closed(MINI_BATCHES, mini_batches)


def _describe(
    draft: Draft,
    cutter: _Cutter,
    listed: Table,
    stops: Sequence[int],
    sources: Sequence[Source],
    path_dtypes: dict[str, str],
    parts: Table,
) -> dict[str, str]:
    """Fix the columns' types from ``parts`` and set the "table" of worker.json; returns the types, none where no
    file says which columns there are."""
    shape, table = _one_shape(sources), cutter.table
    inferred = _named(sources, table.form, _Sample(listed, parts, cutter.storage).infer(table))
    dtypes = _declared(sources, inferred if shape.infer else dict.fromkeys(inferred, TEXT))
    form = table.form
    rows = table_rows.described(sources, stops, path_dtypes | dtypes if inferred else {})
    keep = _kept(shape, [*dtypes, *(name for name in path_dtypes if name not in dtypes)])
    draft.document["table"] = {
        "format": form.format,
        "separator": form.separator,
        "header": form.header,
        "encoding": form.encoding,
        "support_multi_line": form.multi_line,
        "names": list(dtypes),
        "columns": dtypes,
        "path_columns": {name: dtype for name, dtype in path_dtypes.items() if name not in dtypes},
        "keep": keep,
        "include_path_column": shape.include_path_column,
    }
    if shape.empty_as_text:
        draft.document["table"]["empty_as_text"] = True
    if rows:
        draft.document["table"]["rows"] = rows
    if (read := table_rows.read(rows, keep, list(dtypes))) is not None:
        draft.document["table"]["read"] = read
    draft.document["sample"] = (
        "the files' schema"
        if form.format == PARQUET
        else f"{SAMPLE} bytes at the start of each of up to {PLACES} parts, evenly spaced"
    )
    return dtypes if inferred else {}


def _named(sources: Sequence[Source], form: TextForm, inferred: dict[str, str]) -> dict[str, str]:
    """Without a header, declared columns that are as many as the files have, and no ColumnN, are names in order."""
    declared = sources[0].table.columns
    if form.format != "csv" or form.header or len(declared) != len(inferred) or declared.keys() & inferred.keys():
        return inferred
    return dict(zip(declared, inferred.values(), strict=True))


def _one_shape(sources: Sequence[Source]) -> TableShape:
    """What the MLTable files of all inputs say; raises InputError where they do not say the same."""
    for source in sources[1:]:
        if source.shape != sources[0].shape:
            raise InputError(
                f"the MLTable transformations of input {source.name!r} differ from those of {sources[0].name!r}",
                "All inputs of a job are one table: give them the same transformations.",
            )
    return sources[0].shape


def _kept(shape: TableShape, columns: Sequence[str]) -> list[str] | None:
    """The columns that the selections leave; None for all."""
    if not shape.selections or not columns:
        return None
    kept = list(columns)
    for action, names in shape.selections:
        for name in names:
            if name not in columns:
                raise InputError(f"{action}_columns: {name!r} is not in the table", keys.among(name, columns))
        kept = [name for name in kept if (name in names) == (action == "keep")]
    return kept


def _declared(sources: Sequence[Source], inferred: dict[str, str]) -> dict[str, str]:
    """The dtypes with what the inputs declare; raises InputError for a column that is not there, or declared twice."""
    dtypes = dict(inferred)
    said: dict[str, tuple[str, str]] = {}
    for source in sources:
        for column, dtype in source.table.columns.items():
            if inferred and column not in inferred:
                raise InputError(
                    f"input {source.name!r}: table.columns names {column!r}, which its files do not have",
                    keys.among(column, list(inferred)),
                )
            before = said.setdefault(column, (dtype, source.name))
            if before[0] != dtype:
                raise InputError(
                    f"column {column!r} is declared {dtype} by input {source.name!r} and {before[0]} by {before[1]!r}",
                    "A column has one type in the whole job.",
                )
            dtypes[column] = dtype
    return dtypes
