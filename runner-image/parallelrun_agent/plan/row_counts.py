"""Where the rows of a table's parts are that ``skip`` and ``take`` count.

Conditions on columns are the worker's to judge, so what counts here is its reader: one policy for both. It is imported
for jobs that need it alone. Without conditions no value is read: Parquet's footers have the numbers of rows, text is
streamed through.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from parallelrun.api import web_addresses
from parallelrun.api.errors import InputError
from parallelrun_agent.plan.row_ranges import Range
from parallelrun_agent.plan.table_files import TextForm
from parallelrun_agent.plan.table_parts import TableFile
from parallelrun_agent.plan.text_table import WHOLE
from parallelrun_agent.storage import parts
from parallelrun_agent.storage.places import unescaped
from parallelrun_agent.storage.reading import Source

if TYPE_CHECKING:
    import numpy

#: Bytes that are copied at a time.
_CHUNK = 4 << 20


class Counter(Protocol):
    """Counts the rows of parts."""

    def places(self, file: TableFile, source: Source, part: Range) -> numpy.ndarray[Any, Any]:
        """Where each row of a part is that counts, ascending: its first byte, in Parquet its number in the file; of
        a part that is a whole file of text, its number. Raises InputError and StorageError."""


class AllRows:
    """Every row counts."""

    def __init__(self, form: TextForm, temporary: Path) -> None:
        """Of files of this form; ``temporary`` is a folder for copies."""
        self._form, self._temporary = form, temporary

    def places(self, file: TableFile, source: Source, part: Range) -> numpy.ndarray[Any, Any]:
        """As Counter has it."""
        import numpy as np

        start, stop = part
        if self._form.format == "parquet":
            return np.arange(start, stop)
        from parallelrun_worker import row_places

        try:
            if stop != WHOLE:
                data = source.read(start, stop - start)
                found = row_places.of_text(data, self._form.separator, self._form.multi_line)
                return np.asarray(found) + start
            data = self._whole(file, source)
            return np.arange(len(row_places.of_text(data, self._form.separator, self._form.multi_line)))
        except csv.Error as error:
            raise InputError(f"{source.path} cannot be split into rows ({error})") from error

    def _whole(self, file: TableFile, source: Source) -> bytes:
        from parallelrun_worker.pieces import Text
        from parallelrun_worker.unfit import Unfit

        form = self._form
        text = Text(
            {
                "encoding": form.encoding,
                "format": form.format,
                "separator": form.separator,
                "header": form.header,
                "support_multi_line": form.multi_line,
            }
        )
        with here(file, source, [(0, source.size)], self._temporary) as path:
            try:
                return text.read(path, 0, WHOLE)
            except Unfit as error:
                raise InputError(str(error).replace(path, source.path)) from error


class RowsThatMeet:
    """Rows count that meet the conditions of their input."""

    def __init__(self, table: Mapping[str, Any], path_values: Any, temporary: Path) -> None:
        """``table`` of worker.json, with the conditions; ``path_values`` (file) gives its path columns' values."""
        from parallelrun_worker.tables import Reader

        self._table = table
        self._reader = Reader(dict(table))
        self._path_values, self._temporary = path_values, temporary

    def places(self, file: TableFile, source: Source, part: Range) -> numpy.ndarray[Any, Any]:
        """As Counter has it."""
        import numpy as np

        from parallelrun_worker.unfit import Unfit

        start, stop = part
        with here(file, source, self._needed(source, part), self._temporary) as path:
            urls = {} if source.is_local else {path: web_addresses.shown(source.path)}
            work = ["t", [[path, start, stop, file.number]], {}, self._path_values(file), urls]
            try:
                found = np.asarray(self._reader.places(work))
            except Unfit as error:
                raise InputError(str(error).replace(path, source.path)) from error
        return found

    def _needed(self, source: Source, part: Range) -> list[Range]:
        if self._table["format"] != "parquet":
            return parts.of_text(source.size, *part)
        if source.is_local:
            return []
        tail_start = max(0, source.size - parts.TAIL)
        start = parts.footer_start(source.path, source.read(tail_start, source.size - tail_start), source.size)
        footer = parts.parsed(source.path, start, source.read(start, source.size - start))
        return [*parts.of_parquet(footer, parts.columns_of(self._table), *part), (start, source.size)]


@contextmanager
def here(file: TableFile, source: Source, ranges: list[Range], temporary: Path) -> Iterator[str]:
    """A path at which these ranges of a file can be read: its own, or that of a copy with holes."""
    if source.is_local:
        yield source.path
        return
    path = temporary / f"{file.number}-{os.path.basename(unescaped(source.path))}"
    try:
        with path.open("wb") as copy:
            copy.truncate(source.size)
            source.expect(ranges)
            for start, stop in ranges:
                for offset in range(start, stop, _CHUNK):
                    copy.seek(offset)
                    copy.write(source.read(offset, min(_CHUNK, stop - offset)))
        yield str(path)
    finally:
        path.unlink(missing_ok=True)
