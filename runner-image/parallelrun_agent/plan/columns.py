"""The plan's tables on disk: Arrow IPC files, written row by row and read through a memory map.

Neither side holds a table in memory: the writer keeps one record batch, the reader what the page cache gives it.
pyarrow is imported when the first table is opened, not before: `parallelrun --help` should not wait for it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import pyarrow

#: Rows in a record batch.
BATCH = 1 << 16
#: A table's columns by name: "bytes" (file names), "text" or "int" (64 bits).
Schema = dict[str, str]


class TableWriter:
    """Writes one table; ``digest`` covers its content, whatever version of Arrow wrote the file."""

    def __init__(self, path: Path, schema: Schema) -> None:
        """Create ``path``; raises OSError."""
        import pyarrow as pa

        types = {"bytes": pa.large_binary(), "text": pa.large_string(), "int": pa.int64()}
        self._schema = pa.schema([(name, types[kind]) for name, kind in schema.items()])
        self._file = path.open("wb")
        self._writer = pa.ipc.new_file(self._file, self._schema)
        self._pending: list[Sequence[Any]] = []
        self._digest = hashlib.sha256(repr(list(schema.items())).encode())
        self.rows = 0  #: written or pending

    def add(self, row: Sequence[Any]) -> None:
        """Append one row, in the schema's order."""
        self._pending.append(row)
        self.rows += 1
        if len(self._pending) == BATCH:
            self._flush()

    def add_columns(self, *columns: Any) -> None:
        """Append many rows at once: one array a column."""
        self._flush()
        self._write(columns)
        self.rows += len(columns[0])

    def close(self) -> str:
        """Make the table durable; returns the hash of its content."""
        self._flush()
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Let go of the file; what it holds is no table unless it was closed before."""
        with suppress(OSError):  # a full disk: said by whoever wrote last
            self._file.close()

    def _flush(self) -> None:
        if self._pending:
            rows, self._pending = self._pending, []
            self._write(list(zip(*rows, strict=True)))

    def _write(self, columns: Sequence[Any]) -> None:
        import pyarrow as pa

        arrays = [_array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        for array in arrays:
            for buffer in array.buffers():
                self._digest.update(b"-" if buffer is None else buffer)
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))


def _array(values: Sequence[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    """``values`` as an Arrow array, built from buffers: ``pyarrow.array`` imports pandas, which takes half a second."""
    import numpy as np
    import pyarrow as pa

    if kind == pa.int64():
        numbers = np.asarray(values, dtype=np.int64)
        return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])
    if None in values:
        return pa.array(values, kind)
    pieces = values if kind == pa.large_binary() else [value.encode("utf-8") for value in values]
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces)), out=offsets[1:])
    return pa.Array.from_buffers(kind, len(pieces), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))])


class Table:
    """A table of a plan, memory-mapped."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; raises OSError or pyarrow.ArrowInvalid."""
        import pyarrow as pa

        self._table: pyarrow.Table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self.rows: int = self._table.num_rows
        self.names: list[str] = self._table.column_names

    def integers(self, name: str, start: int, stop: int) -> numpy.ndarray[Any, Any]:
        """Column ``name`` of rows [start, stop) as int64, from its buffers: ``to_numpy`` imports pandas."""
        import numpy as np

        chunks = self._table.column(name).slice(start, stop - start).chunks
        arrays = [np.frombuffer(c.buffers()[1], "<i8")[c.offset : c.offset + len(c)] for c in chunks if len(c)]
        if len(arrays) == 1:
            return arrays[0]
        return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)

    def paths(self, start: int, stop: int) -> list[str]:
        """Column ``path`` of rows [start, stop), decoded as file names are."""
        chunks = self._table.column("path").slice(start, stop - start).chunks
        return [path for chunk in chunks for path in _decoded(chunk)]

    def texts(self, name: str, start: int, stop: int) -> list[str | None]:
        """Text column ``name`` of rows [start, stop)."""
        values: list[str | None] = self._table.column(name).slice(start, stop - start).to_pylist()
        return values

    def batches(self) -> Iterator[dict[str, list[Any]]]:
        """The table's content, a record batch at a time, columns by name."""
        for batch in self._table.to_batches():
            yield batch.to_pydict()


def _decoded(chunk: pyarrow.LargeBinaryArray) -> list[str]:
    """File names of one chunk, without an Arrow scalar for each."""
    import numpy as np

    if not len(chunk):
        return []
    _, offsets_buffer, data = chunk.buffers()
    offsets = np.frombuffer(offsets_buffer, "<i8")[chunk.offset : chunk.offset + len(chunk) + 1]
    first = int(offsets[0])
    raw: bytes = data.slice(first, int(offsets[-1]) - first).to_pybytes()
    bounds = (offsets - first).tolist()
    if raw.isascii():
        text = raw.decode("ascii")
        return [text[a:b] for a, b in itertools.pairwise(bounds)]
    return [os.fsdecode(raw[a:b]) for a, b in itertools.pairwise(bounds)]
