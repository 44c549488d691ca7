"""Infers each column's type from a sample, once, so that it is the same in every mini-batch.

The types are pandas dtypes: int64, float64, bool or object (text, as it is). Whole numbers with missing values are
float64, or object where that would lose digits; dates stay text, as does a column without any value in the sample.
What counts as missing, true and false is what ``pandas.read_csv`` takes for it by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

INTEGER, FLOAT, BOOLEAN, TEXT = "int64", "float64", "bool", "object"

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
_BOOLEANS = frozenset({"True", "TRUE", "true", "False", "FALSE", "false"})
_WHOLE = re.compile(r" *[+-]?[0-9]+ *", re.ASCII).fullmatch
_NUMBER = re.compile(
    r" *[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[iI]nf(?:inity)?) *", re.ASCII
).fullmatch
#: Whole numbers up to this size are exact as floats.
_EXACT = 1 << 53


class Inference:
    """Gathers the distinct values of each column of a sample of text, and decides."""

    def __init__(self, columns: int) -> None:
        """For rows of so many ``columns``."""
        self._values: list[set[str]] = [set() for _ in range(columns)]

    def add(self, row: Sequence[str]) -> None:
        """Take in a row; one of another width is left out (it will fail its mini-batch)."""
        if len(row) == len(self._values):
            for values, value in zip(self._values, row, strict=True):
                values.add(value)

    def dtypes(self) -> list[str]:
        """The dtype of each column."""
        return [_of_text(values) for values in self._values]


def _of_text(values: set[str]) -> str:
    present = values - MISSING
    if not present:
        return TEXT
    missing = len(present) < len(values)
    if all(map(_WHOLE, present)):
        return _of_whole(map(int, present), missing)
    if all(map(_NUMBER, present)):
        return FLOAT
    return BOOLEAN if not missing and present <= _BOOLEANS else TEXT


def _of_whole(values: Iterable[int], missing: bool) -> str:
    largest = max(map(abs, values))
    if missing:
        return FLOAT if largest <= _EXACT else TEXT
    return INTEGER if largest < 1 << 63 else TEXT


def of_objects(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The dtypes of a sample of JSON objects, by key in order of appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _of_json([row.get(name) for row in rows]) for name in names}


def _of_json(values: Sequence[Any]) -> str:
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    missing = len(present) < len(values)
    if kinds == {int}:
        return _of_whole(present, missing)
    if kinds and kinds <= {int, float}:
        return FLOAT
    return BOOLEAN if kinds == {bool} and not missing else TEXT
