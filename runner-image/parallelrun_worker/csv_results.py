"""Results as CSV: rows without a header, which the merge writes once, from the published schema."""

from __future__ import annotations

import csv
import io

from parallelrun_worker import frames, kinds
from parallelrun_worker.schema import Schema
from parallelrun_worker.text import to_bytes

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class CsvResults:
    """The serialiser for ``CSV``."""

    def __init__(self, output: dict[str, Any]) -> None:
        self._separator: str = output["csv"]["separator"]
        self._index: bool = output["csv"]["index"]
        self._schema = Schema(output["schema"], "CSV")

    def encode(self, value: Any) -> tuple[bytes, int, str]:
        """Payload, rows, remark."""
        if not len(value):
            return b"", 0, ""
        if not kinds.is_frame(value):
            return self._list(value), len(value), ""
        names, columns = frames.to_arrow(value, self._index, _as_text)
        if not names:
            return b"", 0, ""
        self._schema.check(names)
        return self._write(columns), len(value), ""

    def _list(self, value: Any) -> bytes:
        self._schema.check([frames.COLUMN])
        text = io.StringIO()
        rows = (("" if element is None else str(element),) for element in value)
        csv.writer(text, delimiter=self._separator, lineterminator="\n").writerows(rows)
        return to_bytes(text.getvalue())

    def _write(self, columns: list[Any]) -> bytes:
        import pyarrow
        from pyarrow import csv as arrow_csv

        if len(columns) == 1 and columns[0].null_count:  # a line with nothing on it would be no row
            columns = [_as_text(columns[0].to_pylist(), "", None).fill_null("")]
        # Names may be given twice in CSV, but not in a table of Arrow's.
        table = pyarrow.table([_writable(column) for column in columns], [str(n) for n in range(len(columns))])
        sink = pyarrow.BufferOutputStream()
        options = arrow_csv.WriteOptions(include_header=False, delimiter=self._separator)
        arrow_csv.write_csv(table, sink, options)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _writable(array: Any) -> Any:
    """Lists, structs and the like as Python writes them."""
    import pyarrow

    kind = pyarrow.types
    if kind.is_nested(array.type) or kind.is_binary(array.type) or kind.is_decimal(array.type):
        return _as_text(array.to_pylist(), "", None)
    return array


def _as_text(values: Any, name: str, error: Exception | None) -> Any:  # noqa: ARG001
    """The fallback: every value as ``str`` has it, nothing for a missing one."""
    import pandas
    import pyarrow

    missing = [value is None or (not hasattr(value, "__len__") and pandas.isna(value)) for value in values]
    texts = [None if none else str(value) for value, none in zip(values, missing)]
    return pyarrow.array(texts, pyarrow.string())
