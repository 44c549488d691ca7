"""JSON Lines parts to DataFrames: Arrow's parser for plain values, Python's for nested ones and for explanations."""

from __future__ import annotations

import json

from parallelrun_worker import fields
from parallelrun_worker.pieces import Text, bad_text
from parallelrun_worker.text_values import LIMITS
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class JsonLines:
    """Parses the JSON Lines files of one job's table."""

    def __init__(self, table: dict[str, Any], columns: fields.Fields) -> None:
        import pyarrow
        from pyarrow import json as arrow_json

        self._columns = columns
        self.text = Text(table)
        schema = pyarrow.schema(list(columns.arrow_types().items()))
        self._parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")

    def frame(self, path: str, ranges: list[tuple[int, int]]) -> Any:
        """The rows of these byte ranges of one file. Raises Unfit."""
        parts = [(start, self.text.read(path, start, stop)) for start, stop in ranges]
        data = parts[0][1] if len(parts) == 1 else b"".join([data for _, data in parts])
        table = self._fast(data)
        return self._columns.frame(table) if table is not None else self._careful(path, parts)

    def _fast(self, data: bytes) -> Any:
        import pyarrow
        from pyarrow import json as arrow_json

        if not data.strip() or not self._columns.wanted:
            return None
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1)
        try:
            data.decode("utf-8")  # which Arrow does not check here
            table = arrow_json.read_json(pyarrow.py_buffer(data), read_options=options, parse_options=self._parse)
        except (UnicodeDecodeError, pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
            return None
        dtypes = self._columns.dtypes
        if any(table[name].null_count for name in self._columns.wanted if dtypes[name] in fields.DENSE):
            return None
        if table.num_rows != data.count(b"\n"):  # blank lines, or an object over several lines
            return None
        return table.select(self._columns.wanted)

    def _careful(self, path: str, parts: list[tuple[int, bytes]]) -> Any:
        import pandas

        values: dict[str, list[Any]] = {name: [] for name in self._columns.wanted}
        for start, data in parts:
            offset = 0
            for line in data.split(b"\n"):
                if line.strip():
                    row = self._object(path, start, data, offset, line)
                    for name in self._columns.wanted:
                        values[name].append(self._value(name, row.get(name), path, start, data, offset))
                offset += len(line) + 1
        return pandas.DataFrame({name: self._series(name, values[name]) for name in self._columns.wanted})

    def _object(self, path: str, start: int, data: bytes, offset: int, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise bad_text(path, start + offset + error.start, "utf-8") from error
        except ValueError as error:
            raise Unfit(
                "%s is not JSON: %s" % (self.text.line(path, start, data[:offset].count(b"\n")), error)
            ) from error
        if not isinstance(row, dict):
            place = self.text.line(path, start, data[:offset].count(b"\n"))
            raise Unfit("%s is not a JSON object but %s" % (place, type(row).__name__))
        return row

    def _value(self, name: str, value: Any, path: str, start: int, data: bytes, offset: int) -> Any:
        dtype = self._columns.dtypes[name]
        if value is None:
            if dtype in fields.DENSE:
                raise fields.missing(name, dtype, self.text.line(path, start, data[:offset].count(b"\n")))
            return None
        if not _fits(value, dtype):
            raise fields.misfit(name, value, dtype, self.text.line(path, start, data[:offset].count(b"\n")))
        return value

    def _series(self, name: str, values: list[Any]) -> Any:
        import pandas

        dtype = self._columns.dtypes[name]
        if fields.is_native(dtype) and dtype not in fields.TEXT:
            return pandas.Series(values, dtype=dtype)
        present = [float("nan") if value is None else value for value in values]
        if all(isinstance(value, (str, float)) for value in present):
            return pandas.Series(present, dtype=None if present else object)
        return pandas.Series(present, dtype=object)


def _fits(value: Any, dtype: str) -> bool:
    kind = dtype.lower()
    if kind in LIMITS:
        return type(value) is int and LIMITS[kind][0] <= value <= LIMITS[kind][1]
    if dtype in fields.NUMBERS:
        return type(value) in (int, float)
    if dtype in fields.BOOLEANS:
        return type(value) is bool
    return True
