"""Results for ``Parquet``: each an Arrow IPC stream, which the merge writes into one file."""

from __future__ import annotations

from parallelrun_worker import frames
from parallelrun_worker.schema import Schema
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class ParquetResults:
    """The serialiser for ``Parquet``."""

    def __init__(self, output: dict[str, Any]) -> None:
        self._schema = Schema(output["schema"], "Parquet")

    def encode(self, value: Any) -> tuple[bytes, int, str]:
        """Payload, rows, remark."""
        import pyarrow

        if not len(value):
            return b"", 0, ""
        names, columns = frames.to_arrow(value, False, frames.no_type)
        if len(set(names)) != len(names):
            raise Unfit("the result has two columns of one name, which Parquet cannot have: %s" % names)
        if not names:
            raise Unfit("the result is a DataFrame with rows but without columns, which Parquet cannot hold")
        table = pyarrow.table(columns, names)
        self._schema.check(names, [column.type for column in columns])
        sink = pyarrow.BufferOutputStream()
        with pyarrow.RecordBatchStreamWriter(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes(), len(value), ""
