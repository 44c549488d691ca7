"""CSV parts to Arrow tables: Arrow's parser where it is certain to see the rows that the plan saw, else row by row."""

from __future__ import annotations

import re

from parallelrun_worker import fields
from parallelrun_worker.pieces import Text
from parallelrun_worker.text_values import CarefulRows

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


#: A line of spaces and tabs alone.
_BLANK = re.compile(rb"^[ \t]+\r?$", re.MULTILINE).search


class Delimited:
    """Parses the CSV files of one job's table."""

    def __init__(self, table: dict[str, Any], columns: fields.Fields) -> None:
        from pyarrow import csv

        self._columns = columns
        self.text = Text(table)
        self._careful = CarefulRows(table, columns, self.text)
        self._multi_line: bool = table["support_multi_line"]
        self._parse = csv.ParseOptions(delimiter=table["separator"], newlines_in_values=self._multi_line)
        self._convert = csv.ConvertOptions(
            column_types=columns.arrow_types(),
            include_columns=columns.wanted,
            null_values=sorted(columns.missing),
            true_values=fields.TRUE,
            false_values=fields.FALSE,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )

    def frame(self, path: str, ranges: list[tuple[int, int]]) -> Any:
        """The rows of these byte ranges of one file. Raises Unfit."""
        parts = [(start, self.text.read(path, start, stop)) for start, stop in ranges]
        data = parts[0][1] if len(parts) == 1 else b"".join([data for _, data in parts])
        table = self._fast(data)
        if table is None:
            table = self._careful.table(path, parts)
        return self._columns.frame(table)

    def _fast(self, data: bytes) -> Any:
        """Arrow's reading of ``data``; None where it fails, or is not what the plan took for rows and types."""
        import pyarrow
        from pyarrow import csv

        if not data.strip() or not self._columns.wanted:
            return None
        if len(self._columns.names) == 1 and _BLANK(data):
            return None  # to Arrow a row with spaces in its one field
        options = csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self._columns.names)
        try:
            table = csv.read_csv(
                pyarrow.py_buffer(data), read_options=options, parse_options=self._parse, convert_options=self._convert
            )
        except (pyarrow.ArrowInvalid, pyarrow.ArrowKeyError):
            return None
        dtypes = self._columns.dtypes
        if any(table[name].null_count for name in self._columns.wanted if dtypes[name] in fields.DENSE):
            return None
        # Without multi-line rows a line feed ends a row, also within quotes; Arrow would read on.
        if not self._multi_line and table.num_rows != data.count(b"\n"):
            return None
        return table
