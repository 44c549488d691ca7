"""Rows of Parquet files to DataFrames: only the row groups and columns that are wanted."""

from __future__ import annotations

from parallelrun_worker import fields
from parallelrun_worker.pieces import check_size, unreadable
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class ParquetRows:
    """Reads the Parquet files of one job's table; the last row group is kept, as its neighbours often come next."""

    def __init__(self, columns: fields.Fields) -> None:
        self._columns = columns
        self._path = ""
        self._file: Any = None
        self._starts: list[int] = []  # first row of each group, and the number of rows
        self._group: tuple[int, Any] = (-1, None)

    def frame(self, path: str, ranges: list[tuple[int, int]]) -> Any:
        """The rows [start, stop) of one file, for each range. Raises Unfit."""
        import pyarrow

        try:
            self._open(path)
            check_size(self._size(ranges), path)
            pieces = [piece for start, stop in ranges for piece in self._pieces(start, stop)]
            table = pyarrow.concat_tables(pieces) if pieces else self._file.schema_arrow.empty_table()
        except (OSError, pyarrow.ArrowException) as error:
            self._path = ""
            raise unreadable(path, error) from error
        return self._columns.frame(self._typed(table.select(self._columns.wanted), path))

    def _open(self, path: str) -> None:
        from pyarrow import parquet

        if path == self._path:
            return
        self._file = parquet.ParquetFile(path)
        self._starts = [0]
        for number in range(self._file.metadata.num_row_groups):
            self._starts.append(self._starts[-1] + self._file.metadata.row_group(number).num_rows)
        self._group = (-1, None)
        self._path = path

    def _size(self, ranges: list[tuple[int, int]]) -> int:
        """About how many bytes these rows take, by the share that they have of their groups."""
        size = 0.0
        for start, stop in ranges:
            if stop > self._starts[-1]:
                raise Unfit("%s became shorter than it was when the job was planned" % self._path)
            for number, first, last in self._overlaps(start, stop):
                group = self._file.metadata.row_group(number)
                size += group.total_byte_size * (last - first) / max(1, group.num_rows)
        return int(size)

    def _overlaps(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """The row groups that hold rows of [start, stop): number, first and last row within the group."""
        bounds = zip(self._starts, self._starts[1:])
        return [
            (number, max(start, low) - low, min(stop, high) - low)
            for number, (low, high) in enumerate(bounds)
            if low < stop and start < high
        ]

    def _pieces(self, start: int, stop: int) -> list[Any]:
        found = []
        for number, first, last in self._overlaps(start, stop):
            if self._group[0] != number:
                self._group = (-1, None)  # let go of one before the next is read
                self._group = (number, self._file.read_row_group(number, self._columns.wanted, use_threads=False))
            found.append(self._group[1].slice(first, last - first))
        return found

    def _typed(self, table: Any, path: str) -> Any:
        """Numbers in the type that was fixed for the whole input; all else as the file has it."""
        import pyarrow

        types = self._columns.arrow_types()
        for place, name in enumerate(self._columns.wanted):
            dtype = self._columns.dtypes[name]
            if dtype in fields.TEXT or not fields.is_native(dtype):
                continue
            if dtype in fields.DENSE and table[name].null_count:
                raise fields.missing(name, dtype, path)
            if table[name].type != types[name]:
                try:
                    table = table.set_column(place, name, table[name].cast(types[name]))
                except pyarrow.ArrowException as error:
                    raise Unfit("%s: column %r cannot be read as %s: %s" % (path, name, dtype, error)) from error
        return table.replace_schema_metadata(None)
