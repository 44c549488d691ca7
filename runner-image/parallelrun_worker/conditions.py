"""Conditions on columns: which rows of a table meet ``subset.where``.

The planner has checked that columns are there and values fit their types. A missing value meets ``isNull`` alone.
"""

from __future__ import annotations

import operator

from parallelrun_worker.fields import NULLABLE
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: column, operator, values: those of the column's type, dates as text in ISO form
if TYPE_CHECKING:
    Condition = tuple[str, str, list[Any]]

_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def met(frame: Any, conditions: list[Condition]) -> Any:
    """For each row of ``frame`` whether it meets all conditions: an array of bool. Raises Unfit."""
    import numpy

    mask = numpy.ones(len(frame), dtype=bool)
    for name, operation, values in conditions:
        mask &= _meets(frame[name], name, operation, values)
    return mask


def _meets(series: Any, name: str, operation: str, values: list[Any]) -> Any:
    present = series.notna().to_numpy(dtype=bool, copy=True)
    if operation == "isNull":
        return ~present
    if operation == "notNull":
        return present
    present[present] = _compared(*_comparable(series[present], name, values), operation)
    return present


def _comparable(series: Any, name: str, values: list[Any]) -> tuple[Any, list[Any]]:
    """Values, none of them missing, that compare as one, and those of the condition in its type."""
    import numpy
    import pandas

    dtype = series.dtype
    kind = str(dtype)
    if kind.startswith("datetime64"):
        zone = getattr(dtype, "tz", None)
        moments = [pandas.Timestamp(value) for value in values]
        if zone is not None:
            moments = [moment if moment.tzinfo else moment.tz_localize(zone) for moment in moments]
        return series, moments
    if isinstance(dtype, numpy.dtype) and dtype.kind in "iufb":
        return series.to_numpy(), [dtype.type(value) for value in values]
    if kind in NULLABLE or kind in ("Float32", "Float64"):
        plain = numpy.dtype("bool" if kind == "boolean" else kind.lower())
        return series.to_numpy(dtype=plain), [plain.type(value) for value in values]
    texts = series.astype(object).to_numpy()
    for text in texts:
        if not isinstance(text, str):
            raise Unfit(
                "subset.where: column %r holds a value of type %s, which cannot be compared with text; declare the "
                "column's type in table.columns, or choose the rows in the script" % (name, type(text).__name__)
            )
    return texts, values


def _compared(array: Any, values: list[Any], operation: str) -> Any:
    import numpy

    if operation in ("in", "notIn"):
        among = numpy.zeros(len(array), dtype=bool)
        for value in values:
            among |= numpy.asarray(array == value, dtype=bool)
        return among if operation == "in" else ~among
    return numpy.asarray(_OPERATORS[operation](array, values[0]), dtype=bool)
