"""From what ``run`` returned to bytes for the segment.

The number of elements decides success, so it is taken first and by one rule for every format: the elements of a list or
tuple, the first axis of an array, the rows of a DataFrame. NumPy and pandas are never imported for it: a value of
theirs can only exist where the script has imported them.
"""

from __future__ import annotations

import sys

from parallelrun_worker import kinds, packages
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable


class Results:
    """The serialiser of one process.

    :meth:`serialise` returns (payload, returned elements, rows in the payload, remark) and raises
    :class:`~parallelrun_worker.unfit.Unfit` with a sentence for what cannot be a result.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """Choose the format by ``worker.json``; raises :class:`Unfit` for settings that cannot be used."""
        self._encode = _encoder(config)

    def serialise(self, value: Any) -> tuple[bytes, int, int, str]:
        """What the segment gets for ``value``."""
        returned = count(value)
        payload, rows, remark = self._encode(value)
        return payload, returned, rows, remark


def count(value: Any) -> int:
    """The number of elements of a result; raises :class:`Unfit` for what is none."""
    kind = type(value)
    if kind is list or kind is tuple or isinstance(value, (list, tuple)) or kinds.is_table(value):
        return len(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.ndim == 0:
            raise Unfit("run must return a list, tuple, array or DataFrame, got an array of no dimensions")
        return len(value)
    raise Unfit("run must return a list, tuple, array or DataFrame, got %s" % _name(value))


def _name(value: Any) -> str:
    kind = type(value)
    if value is None:
        return "None"
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return "%s.%s" % (kind.__module__.split(".")[0], kind.__qualname__)


def _encoder(config: dict[str, Any]) -> Callable[[Any], tuple[bytes, int, str]]:
    output = config["output"]
    if output["action"] == "SummaryOnly":
        return _nothing
    if output["format"] == "Text":
        from parallelrun_worker.text import Text

        return Text(config["script"]).encode
    packages.require(("pandas", "pyarrow"), "output.format %s" % output["format"])
    if output["format"] == "CSV":
        from parallelrun_worker.csv_results import CsvResults

        return CsvResults(output).encode
    if output["format"] == "JSONL":
        from parallelrun_worker import json_results

        return json_results.encode
    from parallelrun_worker.parquet_results import ParquetResults

    return ParquetResults(output).encode


def _nothing(value: Any) -> tuple[bytes, int, str]:  # noqa: ARG001  # SummaryOnly: only the length counts
    return b"", 0, ""
