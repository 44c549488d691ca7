"""Parquet: every mini-batch's rows in one file with the published schema.

A payload is an Arrow IPC stream. Row groups have a fixed number of rows and are made of one chunk, however the rows
were cut into mini-batches: so the file's bytes are a function of its rows.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import OutputError
from parallelrun_agent.output.payloads import Batch
from parallelrun_agent.output.sink import Sink

if TYPE_CHECKING:
    import pyarrow

#: Rows of a row group: what a merge holds in memory, and what readers of the file take at a time.
ROW_GROUP_ROWS = 131072


class _File(io.RawIOBase):
    """A :class:`Sink` as the file object that pyarrow writes to."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sink.size

    def write(self, data: Any) -> int:
        return self._sink.write(bytes(data))  # the writer reuses its buffer


def write(sink: Sink, batches: Iterable[Batch], schema: dict[str, Any] | None) -> int:
    """Write all rows and return how many; without a schema, a file with no columns. Raises OSError, OutputError."""
    import pyarrow
    from pyarrow import parquet

    published = _published(schema)
    rows = 0
    with parquet.ParquetWriter(pyarrow.PythonFile(_File(sink), mode="w"), published) as writer:
        for group in _row_groups(_tables(batches, published)):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += group.num_rows
    return rows


def _published(schema: dict[str, Any] | None) -> pyarrow.Schema:
    """Without metadata: pandas describes there the one frame that happened to be first."""
    import pyarrow

    if schema is None:
        return pyarrow.schema([])
    message = pyarrow.py_buffer(base64.b64decode(schema["arrow"]))
    return pyarrow.ipc.read_schema(message).remove_metadata()


def _tables(batches: Iterable[Batch], published: pyarrow.Schema) -> Iterator[pyarrow.Table]:
    for batch in batches:
        for mini_batch, payload in zip(batch.mini_batches, batch.payloads, strict=True):
            yield _fitted(_read(payload), published, mini_batch)


def _read(payload: Any) -> pyarrow.Table:
    import pyarrow

    with pyarrow.ipc.open_stream(pyarrow.py_buffer(payload)) as reader:
        return reader.read_all()


def _fitted(table: pyarrow.Table, published: pyarrow.Schema, mini_batch: int) -> pyarrow.Table:
    """``table`` with the published types: a column of nulls takes any. Raises OutputError for what does not fit."""
    import pyarrow

    table = table.replace_schema_metadata(None)
    if table.schema.equals(published, check_metadata=False):
        return table.cast(published)  # drops metadata of fields
    try:
        return table.select(published.names).cast(published)
    except (pyarrow.ArrowException, KeyError, ValueError) as error:
        raise OutputError(
            f"The rows of mini-batch {mini_batch} do not fit the output's published schema: {error}",
            "run must return the same columns, with the same types, for every mini-batch.",
        ) from error


def _row_groups(tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """The rows of ``tables`` in groups of ROW_GROUP_ROWS, the last one shorter, each in one chunk."""
    import pyarrow

    held: list[pyarrow.Table] = []
    count = 0
    for table in tables:
        while table.num_rows + count >= ROW_GROUP_ROWS:
            head = table.slice(0, ROW_GROUP_ROWS - count)
            yield pyarrow.concat_tables([*held, head]).combine_chunks()
            table, held, count = table.slice(head.num_rows), [], 0
        if table.num_rows:
            held.append(table)
            count += table.num_rows
    if held:
        yield pyarrow.concat_tables(held).combine_chunks()
