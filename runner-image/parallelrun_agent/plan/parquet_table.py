"""The parts of Parquet files: runs of row groups, read from the footers alone.

A part is rows [start, stop) of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition
from parallelrun_agent.plan import parquet_statistics
from parallelrun_agent.plan.column_types import FLOAT, TEXT
from parallelrun_agent.plan.row_ranges import EVERYTHING, Range
from parallelrun_agent.plan.table_files import TextForm, left_out
from parallelrun_agent.plan.table_keys import KeyRun, coalesced
from parallelrun_agent.storage.reading import Source

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile


class ParquetTable:
    """The Parquet files of a job's table, file by file; the first file sets the columns."""

    def __init__(self, form: TextForm) -> None:
        """``form`` only says that the format is Parquet."""
        self.form = form
        self._first: tuple[str, pyarrow.Schema] | None = None
        self._with_nulls: set[str] = set()

    def parts(
        self, source: Source, wanted: int, window: Range = EVERYTHING, where: Sequence[Condition] = ()
    ) -> Iterator[Range]:
        """Runs of row groups of up to ``wanted`` uncompressed bytes, at least one group each; of their rows those
        within ``window``, and only of groups in which a row may meet all conditions in ``where``.

        Raises InputError where the file is not Parquet, or its columns are not those of the first file.
        """
        with _opened(source) as file:
            self._compare(source.path, file.schema_arrow)
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            self._note_nulls(groups)
            wanted_groups = [parquet_statistics.may_meet(group, file.schema_arrow, where) for group in groups]
        start = stop = window[0]
        row = held = 0
        for group, is_wanted in zip(groups, wanted_groups, strict=True):
            first, row = max(row, window[0]), row + group.num_rows
            last = min(row, window[1])
            if first >= last or not is_wanted:
                continue
            if stop > start and (first > stop or held + group.total_byte_size > wanted):
                yield start, stop
                start, held = first, 0
            elif stop == start:
                start = first
            stop = last
            held += group.total_byte_size
        if stop > start:
            yield start, stop

    def is_cut(self, path: str) -> bool:  # noqa: ARG002 - the answer is the same for every Parquet file
        """Parts are always rows of the file."""
        return True

    def infer(self, places: Sequence[tuple[Source, int, int]]) -> dict[str, str]:  # noqa: ARG002 - the schema says it
        """The dtype of each column from the schema; whole numbers and booleans with missing values become what
        pandas can hold them in: float64 and object."""
        if self._first is None:
            return {}
        return {field.name: self._dtype(field) for field in self._first[1]}

    def key_runs(self, source: Source, part: Range, columns: Sequence[str], dtypes: dict[str, str]) -> Iterator[KeyRun]:  # noqa: ARG002
        """Runs of adjacent rows of one part with the same values in ``columns``, rendered with ``str``."""
        start, stop = part
        with _opened(source) as file:
            row = 0
            for number in range(file.metadata.num_row_groups):
                first, row = row, row + file.metadata.row_group(number).num_rows
                low, high = max(start, first), min(stop, row)
                if low < high:
                    table = file.read_row_group(number, columns=list(columns)).slice(low - first, high - low)
                    values = [map(_rendered, table.column(name).to_pylist()) for name in columns]
                    rows = zip(zip(*values, strict=True), range(low, high), range(low + 1, high + 1), strict=True)
                    yield from coalesced(rows)

    def _dtype(self, field: pyarrow.Field) -> str:
        import numpy as np
        import pyarrow as pa

        if pa.types.is_timestamp(field.type):
            return f"datetime64[{field.type.unit}{', ' + field.type.tz if field.type.tz else ''}]"
        if pa.types.is_integer(field.type) and field.name in self._with_nulls:
            return FLOAT
        if pa.types.is_boolean(field.type) and field.name in self._with_nulls:
            return TEXT
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type):
            return str(np.dtype(field.type.to_pandas_dtype()))
        return TEXT

    def _note_nulls(self, groups: Sequence[Any]) -> None:
        """Remember which columns hold a missing value anywhere, as the footers' statistics say."""
        for group in groups:
            for number in range(group.num_columns):
                column = group.column(number)
                if (
                    column.path_in_schema not in self._with_nulls
                    and column.is_stats_set
                    and column.statistics.null_count
                ):
                    self._with_nulls.add(column.path_in_schema)

    def _compare(self, path: str, schema: pyarrow.Schema) -> None:
        schema = schema.remove_metadata()
        if self._first is None:
            self._first = (path, schema)
            return
        first_path, first = self._first
        if schema.equals(first):
            return
        here, there = ([f"{field.name}: {field.type}" for field in one] for one in (schema, first))
        odd = next((one for one in here if one not in there), None)
        lacking = next((one for one in there if one not in here), None)
        what = f"{odd!r} is not there" if odd else f"{lacking!r} is not here" if lacking else "their order differs"
        raise InputError(
            f"the columns of {path} are not those of {first_path}: {what}",
            "All files of a job's table have the same columns with the same types.",
        )


@contextmanager
def _opened(source: Source) -> Iterator[ParquetFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with ExitStack() as stack:
            place = source.path if source.is_local else stack.enter_context(source.stream())
            yield stack.enter_context(pq.ParquetFile(place))
    except (OSError, pa.ArrowException) as error:
        detail = str(error).splitlines()[0] if source.size else "it is empty"
        raise InputError(
            f"{source.path} cannot be read as Parquet: {detail}",
            f"Make or copy it anew, or leave it out: {left_out(source.path)}.",
        ) from error


def _rendered(value: Any) -> str:
    return "" if value is None else str(value)
