"""Keys that do not meet their input's conditions: their rows make no mini-batch, since it would have no item.

Keys are text by the time they are sorted. They are judged as their column's type has them, by the code that judges
rows; a key that does not fit the type, or of a type that is not made from text here, is left to the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from parallelrun_agent.plan.column_types import FLOAT, TEXT

#: Values of the keys, file number, start, stop
Part = tuple[tuple[str, ...], int, int, int]
_BATCH = 1 << 12
_BOOLEANS = {"True": True, "False": False}


class KeyConditions:
    """The conditions of each input on columns that are keys."""

    def __init__(self, table: Mapping[str, Any], keys: Sequence[str]) -> None:
        """``table`` of worker.json; ``keys``: those that are columns, among all others in their places."""
        self._columns: dict[str, tuple[int, str, Callable[[str], Any]]] = {}
        for place, name in enumerate(keys):
            if (made := _made(table["columns"].get(name, ""), table)) is not None:
                self._columns[name] = (place, *made)
        self._inputs = [
            (one["files"], [condition for condition in one["where"] if condition[0] in self._columns])
            for one in table.get("rows", ())
        ]
        self._known: dict[tuple[int, tuple[str, ...]], bool] = {}

    def meeting(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The parts whose keys may meet the conditions, in their order."""
        if not any(where for _, where in self._inputs):
            yield from parts
            return
        while batch := list(islice(parts, _BATCH)):
            numbers = [self._input(part[1]) for part in batch]
            keys = [(number, part[0]) for number, part in zip(numbers, batch, strict=True)]
            self._learn(set(keys) - self._known.keys())
            yield from (part for part, key in zip(batch, keys, strict=True) if self._known[key])
            if len(self._known) > _BATCH * 16:
                self._known.clear()

    def _input(self, file: int) -> int:
        return next(number for number, (stop, _) in enumerate(self._inputs) if file < stop)

    def _learn(self, keys: set[tuple[int, tuple[str, ...]]]) -> None:
        import pandas as pd

        from parallelrun_worker import conditions

        for number, (_, where) in enumerate(self._inputs):
            mine = [values for one, values in keys if one == number]
            fits = [self._fit(values, where) for values in mine]
            fitting = {values: fit for values, fit in zip(mine, fits, strict=True) if fit is not None}
            frame = pd.DataFrame(
                {
                    name: pd.Series([fit[name] for fit in fitting.values()], dtype=self._columns[name][1])
                    for name in {name for name, _, _ in where}
                },
                index=range(len(fitting)),
            )
            self._known.update(((number, values), True) for values in mine)
            met = conditions.met(frame, where).tolist()
            self._known.update(((number, values), one) for values, one in zip(fitting, met, strict=True))

    def _fit(self, values: tuple[str, ...], where: Sequence[Any]) -> dict[str, Any] | None:
        """The values of the columns with conditions in their types; None where one does not fit."""
        try:
            return {name: self._value(values, name) for name, _, _ in where}
        except (ValueError, KeyError):
            return None

    def _value(self, values: tuple[str, ...], name: str) -> Any:
        place, _, make = self._columns[name]
        return make(values[place]) if values[place] else None


def _whole(text: str) -> int:
    number = int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(text)
    return number


def _made(dtype: str, table: Mapping[str, Any]) -> tuple[str, Callable[[str], Any]] | None:
    """The type in which keys of a column's type are compared, and what makes one of text; None for other types."""
    if dtype in ("int64", "Int64"):
        return "Int64", _whole
    if dtype == FLOAT:
        return FLOAT, float
    if dtype in ("bool", "boolean"):
        return "boolean", _BOOLEANS.__getitem__
    # In other formats a column without a type of its own may hold what is no text, which the worker refuses; and
    # where empty text is no missing value, a key does not tell one from the other.
    is_certain = table["format"] == "csv" and not table.get("empty_as_text")
    return (TEXT, str) if dtype == TEXT and is_certain else None
