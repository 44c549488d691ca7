"""The plan of a Tabular input: mini-batches of so many bytes, or of the rows that share a partition.

First every file is listed, then each is cut into parts (its header is read and compared on the way), then the types of
the columns are fixed from a sample of the parts. By size, a part is a mini-batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan import keys
from parallelrun_agent.plan.columns import BATCH, Table
from parallelrun_agent.plan.draft import FILES, MINI_BATCHES, PARTS, Draft
from parallelrun_agent.plan.row_ranges import Range
from parallelrun_agent.plan.sources import Source, list_rows, path_columns, require_files
from parallelrun_agent.plan.table_forms import Forms
from parallelrun_agent.plan.text_table import SAMPLE, TextTable

#: How many parts are sampled.
PLACES = 16


def plan_table(settings: JobSettings, sources: Sequence[Source], draft: Draft) -> int:
    """Write the tables of a Tabular input and draft.document["table"]; returns the number of mini-batches.

    Raises InputError for anything wrong with the files.
    """
    columns = path_columns(sources)
    files = draft.files(list(columns))
    for source in sources:
        for row in list_rows(source, list(columns), draft.folder):
            files.add(row)
    require_files(settings, draft.closed(FILES, files))
    listed = Table(draft.folder / FILES)
    forms = Forms(sources)
    cutter = _Cutter(forms)
    parts = draft.parts()
    for number, path, size, source_number in _each_file(listed):
        for start, stop in cutter.parts(path, size, source_number, settings.mini_batch_size):
            parts.add((number, start, stop))
    total = draft.closed(PARTS, parts)
    _one_part_each(draft, total)
    draft.document["table"] = _config(cutter, listed, Table(draft.folder / PARTS), sources, columns)
    draft.document["sample"] = f"up to {SAMPLE} bytes at the start of each of {min(total, PLACES)} parts, evenly spaced"
    return total


class _Cutter:
    """Cuts files into parts, by their format."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self._table: TextTable | None = None

    def parts(self, path: str, size: int, source: int, wanted: int) -> Iterator[Range]:
        """The parts of one file."""
        form = self.forms.of_file(path, source)
        if self._table is None:
            self._table = TextTable(form)
        return self._table.parts(path, size, wanted)

    @property
    def table(self) -> TextTable:
        """What is known of the files seen."""
        return self._table or TextTable(self.forms.form)


def _each_file(files: Table) -> Iterator[tuple[int, str, int, int]]:
    """Number, path, size and input number of each file."""
    for start in range(0, files.rows, BATCH):
        stop = min(start + BATCH, files.rows)
        paths = files.paths(start, stop)
        sizes, inputs = (files.integers(name, start, stop).tolist() for name in ("size", "input"))
        yield from zip(range(start, stop), paths, sizes, inputs, strict=True)


def _one_part_each(draft: Draft, total: int) -> None:
    """Mini-batches of one part each."""
    import numpy as np

    mini_batches = draft.mini_batches([])
    for start in range(0, total, 1 << 20):
        mini_batches.add_columns(np.arange(start + 1, min(start + (1 << 20), total) + 1, dtype=np.int64))
    draft.closed(MINI_BATCHES, mini_batches)


def _config(
    cutter: _Cutter, files: Table, parts: Table, sources: Sequence[Source], path_dtypes: dict[str, str]
) -> dict[str, Any]:
    """The "table" of worker.json."""
    table = cutter.table
    inferred = table.infer(_places(files, parts))
    dtypes = _declared(sources, inferred)
    form = table.form
    return {
        "format": form.format,
        "separator": form.separator,
        "header": form.header,
        "encoding": form.encoding,
        "support_multi_line": form.multi_line,
        "names": list(dtypes),
        "columns": dtypes,
        "path_columns": {name: dtype for name, dtype in path_dtypes.items() if name not in dtypes},
        "keep": None,
        "include_path_column": False,
    }


def _places(files: Table, parts: Table) -> list[tuple[str, int, int]]:
    """The parts that are sampled: evenly spaced, the first among them."""
    numbers = sorted({place * parts.rows // PLACES for place in range(min(PLACES, parts.rows))})
    if parts.rows < PLACES:
        numbers = list(range(parts.rows))
    places = []
    for number in numbers:
        file, start, stop = (int(parts.integers(name, number, number + 1)[0]) for name in ("file", "start", "stop"))
        places.append((files.paths(file, file + 1)[0], start, stop))
    return places


def _declared(sources: Sequence[Source], inferred: dict[str, str]) -> dict[str, str]:
    """The dtypes with what the inputs declare; raises InputError for a column that is not there, or declared twice."""
    dtypes = dict(inferred)
    said: dict[str, tuple[str, str]] = {}
    for source in sources:
        for column, dtype in source.table.columns.items():
            if column not in dtypes and dtypes:
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
