"""``subset.where`` of a table, checked: its columns are there, and its values fit their types.

Values are compared in the column's type and no other: a condition that would silently meet no row is a mistake.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition
from parallelrun_agent.plan import keys

#: column, operator, values: as the worker compares them
Checked = tuple[str, str, list[Any]]

_ALONE = ("isNull", "notNull")
_UNORDERED = ("==", "!=", "in", "notIn")
_WHOLE = re.compile(r"(u?)int(8|16|32|64)?", re.IGNORECASE).fullmatch
_FLOATS = {"float": 64, "double": 64, "float64": 64, "float32": 32, "Float64": 64, "Float32": 32}
_TEXT = ("object", "str", "string", "category")


def checked(input_name: str, conditions: Sequence[Condition], dtypes: Mapping[str, str]) -> list[Checked]:
    """The conditions with their values in the types of their columns; raises InputError for what does not fit."""
    return [_checked(input_name, condition, dtypes) for condition in conditions]


def _checked(input_name: str, condition: Condition, dtypes: Mapping[str, str]) -> Checked:
    name, op = condition.column, condition.op
    if name not in dtypes:
        raise InputError(
            f"input {input_name!r}: subset.where: column {name!r} is not in the table", keys.among(name, list(dtypes))
        )
    dtype = dtypes[name]
    if op in _ALONE:
        return name, op, []
    fit = _fitting(dtype)
    if fit is None:
        raise InputError(
            f"input {input_name!r}: subset.where: column {name!r} is {dtype}, whose values cannot be compared",
            "Declare another type in table.columns, or choose the rows in the script.",
        )
    if dtype in ("bool", "boolean") and op not in _UNORDERED:
        raise InputError(
            f"input {input_name!r}: subset.where: column {name!r} is {dtype}, which {op} does not order",
            f"For true and false there are {', '.join(_UNORDERED)}, isNull and notNull.",
        )
    values = []
    for value in condition.values:
        fitted = fit(value)
        if fitted is None:
            raise InputError(
                f"input {input_name!r}: subset.where: column {name!r} is {dtype}, {value!r} is not",
                f"Write {_kind(dtype)}, or declare the column's type: table: {{columns: {{{name}: ...}}}}.",
            )
        values.append(fitted)
    return name, op, values


def _fitting(dtype: str) -> Callable[[Any], Any] | None:
    """The function that gives a value as the type has it, None where it has it not; None for other types."""
    if whole := _WHOLE(dtype):
        bits = int(whole[2] or 64)
        low, high = (0, 1 << bits) if whole[1] else (-(1 << (bits - 1)), 1 << (bits - 1))
        return lambda value: int(value) if _is_number(value) and value == int(value) and low <= value < high else None
    if dtype in _FLOATS:
        return lambda value: float(value) if _is_number(value) and float(value) == value else None
    if dtype in ("bool", "boolean"):
        return lambda value: value if isinstance(value, bool) else None
    if dtype in _TEXT:
        return lambda value: value if isinstance(value, str) else None
    if dtype.startswith("datetime64["):
        return _moment if "," in dtype else _naive
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _moment(value: Any) -> str | None:
    try:
        return datetime.datetime.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        return None


def _naive(value: Any) -> str | None:
    text = _moment(value)
    return None if text is None or datetime.datetime.fromisoformat(text).tzinfo else text


def _kind(dtype: str) -> str:
    if whole := _WHOLE(dtype):
        return "a whole number that is not negative" if whole[1] else "a whole number"
    if dtype in _FLOATS:
        return "a number"
    if dtype in ("bool", "boolean"):
        return "true or false"
    return "text in quotes" if dtype in _TEXT else "a date in quotes, like '2026-01-31' or '2026-01-31T12:00:00'"
