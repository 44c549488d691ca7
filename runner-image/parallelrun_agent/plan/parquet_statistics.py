"""Row groups of Parquet files in which no row can meet a subset's conditions, as the footers' statistics prove.

Only numbers and timestamps without a time zone are looked at, and only as the file has them: bounds of text may be cut
short or sorted in another way, and a declared type compares other values. What is not certain is read.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from parallelrun.api.settings import Condition

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import RowGroupMetaData

#: Whole numbers up to this size are the same as floats, which is what a column with missing values becomes.
_EXACT = 1 << 53
_EPOCH = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
#: ns
_UNITS = {"milliseconds": 1_000_000, "microseconds": 1_000, "nanoseconds": 1}
_Number = int | float


def may_meet(group: RowGroupMetaData, schema: pyarrow.Schema, conditions: Sequence[Condition]) -> bool:
    """Whether a row of the group may meet all conditions."""
    for condition in conditions:
        chunks = [column for column in map(group.column, range(group.num_columns)) if _is_of(column, condition.column)]
        if len(chunks) == 1 and chunks[0].is_stats_set and condition.column in schema.names:
            kind = schema.field(condition.column).type
            if not _may_meet(chunks[0].statistics, kind, group.num_rows, condition):
                return False
    return True


def _is_of(column: Any, name: str) -> bool:
    found: bool = column.path_in_schema == name
    return found


def _may_meet(statistics: Any, kind: pyarrow.DataType, rows: int, condition: Condition) -> bool:
    bounds = _bounds(statistics, kind)
    nulls = statistics.null_count if statistics.has_null_count else None
    if nulls is not None and nulls == rows:
        return condition.op == "isNull"
    if condition.op == "isNull":
        return nulls != 0 or bounds is None or isinstance(bounds[0], float)  # NaN is missing, and not counted
    if condition.op == "notNull" or bounds is None:
        return True
    values = [_value(value, kind) for value in condition.values]
    return None in values or _within(*bounds, condition.op, [value for value in values if value is not None])


def _within(low: _Number, high: _Number, op: str, values: Sequence[_Number]) -> bool:
    """Whether a value between the bounds may meet the condition."""
    if op in ("==", "in"):
        return any(low <= value <= high for value in values)
    if op in ("!=", "notIn"):
        return low != high or low not in values
    value = values[0]
    return {"<": low < value, "<=": low <= value, ">": high > value, ">=": high >= value}[op]


def _bounds(statistics: Any, kind: pyarrow.DataType) -> tuple[_Number, _Number] | None:
    """The least and greatest value, timestamps in ns; None where they are not known for certain."""
    import pyarrow as pa

    if not statistics.has_min_max:
        return None
    if pa.types.is_signed_integer(kind):
        low, high = statistics.min, statistics.max
        known = type(low) is int and type(high) is int and -_EXACT <= low <= high <= _EXACT
        return (low, high) if known else None
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        low, high = statistics.min, statistics.max
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    if pa.types.is_timestamp(kind) and kind.tz is None and statistics.physical_type == "INT64":
        unit = _UNITS.get(json.loads(statistics.logical_type.to_json()).get("timeUnit"))
        return (statistics.min_raw * unit, statistics.max_raw * unit) if unit else None
    return None


def _value(value: Any, kind: pyarrow.DataType) -> _Number | None:
    """A condition's value as a number that compares with the bounds; None where it is none."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return None
        return None if moment.tzinfo else (moment - _EPOCH) // _MICROSECOND * 1_000
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(np.float32(value)) if pa.types.is_float32(kind) else value
