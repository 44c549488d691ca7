"""Rows of text one by one: what the fast parser could not take is either read here after all, or explained.

Arrow's parser refuses a few spellings that a plan may have counted as numbers (``+5``), and says little about what it
refuses. This one follows the plan's rules to the letter, and names line, column and value.
"""

from __future__ import annotations

import csv
import io

from parallelrun_worker import fields
from parallelrun_worker.pieces import MAX_BYTES, Text, bad_text
from parallelrun_worker.row_places import blank_bytes
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Iterator

LIMITS = {
    **{"int%d" % bits: (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (8, 16, 32, 64)},
    **{"uint%d" % bits: (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}


class CarefulRows:
    """Reads the rows of CSV parts, row by row."""

    def __init__(self, table: dict[str, Any], columns: fields.Fields, text: Text) -> None:
        self._separator: str = table["separator"]
        self._multi_line: bool = table["support_multi_line"]
        self._blank = blank_bytes(self._separator).decode("ascii")
        self._columns = columns
        self._text = text
        csv.field_size_limit(MAX_BYTES)

    def table(self, path: str, parts: list[tuple[int, bytes]]) -> Any:
        """An Arrow table of the wanted columns; ``parts``: (offset in the file, bytes). Raises Unfit."""
        import pyarrow

        values: dict[str, list[Any]] = {name: [] for name in self._columns.wanted}
        places = [(name, self._columns.names.index(name)) for name in self._columns.wanted]
        for start, data in parts:
            for row, line in self._rows(path, start, data):
                if len(row) != len(self._columns.names):
                    raise self._ragged(row, self._text.line(path, start, line))
                for name, place in places:
                    values[name].append(self._value(name, row[place], path, start, line))
        types = self._columns.arrow_types()
        return pyarrow.table({name: pyarrow.array(values[name], types[name]) for name in self._columns.wanted})

    def _rows(self, path: str, start: int, data: bytes) -> Iterator[tuple[list[str], int]]:
        """Every row that is not blank, and the number of lines before it."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise bad_text(path, start + error.start, "utf-8") from error
        line = 0
        try:
            for row, line in self._over_lines(text) if self._multi_line else self._line_by_line(text):
                yield row, line
        except csv.Error as error:
            raise Unfit("%s: %s" % (self._text.line(path, start, line), error)) from error

    def _over_lines(self, text: str) -> Iterator[tuple[list[str], int]]:
        lines = io.StringIO(text, newline="").readlines()
        reader = csv.reader(lines, delimiter=self._separator)
        line = 0
        for row in reader:
            if "".join(lines[line : reader.line_num]).strip(self._blank):
                yield row, line
            line = reader.line_num

    def _line_by_line(self, text: str) -> Iterator[tuple[list[str], int]]:
        for number, line in enumerate(text.split("\n")):
            if line.strip(self._blank):
                yield next(csv.reader([line.rstrip("\r")], delimiter=self._separator)), number

    def _value(self, name: str, text: str, path: str, start: int, line: int) -> Any:
        dtype = self._columns.dtypes[name]
        if self._columns.is_missing(text, dtype):
            if dtype in fields.DENSE:
                raise fields.missing(name, dtype, self._text.line(path, start, line))
            return None
        try:
            return parse(text, dtype)
        except ValueError as error:
            raise fields.misfit(name, text, dtype, self._text.line(path, start, line)) from error

    def _ragged(self, row: list[str], place: str) -> Unfit:
        return Unfit(
            "%s has %d fields where the table has %d columns; correct the row, or check table.separator%s"
            % (place, len(row), len(self._columns.names), "" if self._multi_line else " and table.supportMultiLine")
        )


def parse(text: str, dtype: str) -> Any:
    """One value of text as what its column is; raises ValueError where it is no such thing."""
    kind = dtype.lower()
    if kind in LIMITS:
        if "_" in text:
            raise ValueError(text)
        number = int(text)
        low, high = LIMITS[kind]
        if not low <= number <= high:
            raise ValueError(text)
        return number
    if dtype in fields.NUMBERS:
        if "_" in text:
            raise ValueError(text)
        return float(text)
    if dtype in fields.BOOLEANS:
        if text in fields.TRUE or text in fields.FALSE:
            return text in fields.TRUE
        raise ValueError(text)
    return text
