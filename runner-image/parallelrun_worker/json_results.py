"""Results as JSON Lines: one object a row, ``{"result": element}`` for a list or an array."""

from __future__ import annotations

import datetime
import json
import math
import sys

from parallelrun_worker import frames, kinds
from parallelrun_worker.text import to_bytes
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Iterable

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def encode(value: Any) -> tuple[bytes, int, str]:
    """Payload, rows, remark."""
    rows = _rows(value) if kinds.is_frame(value) else ({frames.COLUMN: plain(element)} for element in value)
    lines = list(map(_encode, rows))
    return to_bytes("\n".join(lines) + "\n" if lines else ""), len(lines), ""


def _rows(frame: Any) -> Iterable[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise Unfit("the result has two columns of one name, which a JSON object cannot have: %s" % names)
    columns = [[plain(value) for value in frame.iloc[:, place].tolist()] for place in range(len(names))]
    if not columns:
        return [{} for _ in range(len(frame))]
    return (dict(zip(names, values)) for values in zip(*columns))


def plain(value: Any) -> Any:
    """``value`` as JSON has it: missing values and infinities null, dates ISO 8601, arrays lists, all else text."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _foreign(value)


def _foreign(value: Any) -> Any:
    """Values of NumPy, pandas and datetime."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NaT or value is getattr(pandas, "NA", pandas.NaT)):
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return str(value) if isinstance(value, numpy.datetime64) else plain(value.tolist())
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, int):
        return int(value)
    return str(value)
