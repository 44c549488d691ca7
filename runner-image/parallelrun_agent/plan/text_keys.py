"""The keys of text rows: each row's values in some columns, rendered as its column's type has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun_agent.plan.column_types import BOOLEAN, MISSING
from parallelrun_agent.plan.row_ranges import Bytes, Range
from parallelrun_agent.plan.table_files import MAX_HEAD, TextForm, decoded

_KEPT = 1 << 16

Values = tuple[str, ...]


def rows(data: Bytes, part: Range, row_end: Callable[[int], int], blank: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each row of a part with its start and stop; blank lines belong to the row before them."""
    start, stop = part
    held: tuple[bytes, int, int] | None = None
    while start < stop:
        end = min(row_end(start), stop)
        if end - start > MAX_HEAD:
            raise InputError(
                f"{data.path}: the row at byte {start} is longer than {MAX_HEAD >> 20} MiB, too long to find its keys",
                "Does every row end in a line feed? An open quote, with supportMultiLine, looks so.",
            )
        row = data.read(start, end)
        if row.strip(blank):
            if held:
                yield held
            held = (row, start, end)
        elif held:
            held = (held[0], held[1], end)
        start = end
    if held:
        yield held


def reader(form: TextForm, path: str, columns: Sequence[str], dtypes: dict[str, str]) -> Callable[[bytes, int], Values]:
    """The function that gives the values of a row's bytes, found at an offset; raises InputError for a bad row."""
    renderers = [lru_cache(_KEPT)(partial(_rendered, dtypes[name])) for name in columns]
    if form.format == "jsonl":
        return partial(_of_object, form, path, list(columns))
    places = [list(dtypes).index(name) for name in columns]
    return partial(_of_line, form, path, places, renderers)


def _of_line(form: TextForm, path: str, places: list[int], renderers: list[Any], row: bytes, offset: int) -> Values:
    text = decoded(row, form.encoding, path, offset)
    fields = form.parse(text) if '"' in text else text.rstrip("\r\n").split(form.separator)
    if len(fields) <= max(places):
        raise InputError(
            f"{path}: the row at byte {offset} has {len(fields)} fields, a partition key is in field {max(places) + 1}",
            "Every row needs its keys: correct the file, or check separator and supportMultiLine.",
        )
    return tuple([render(fields[place]) for place, render in zip(places, renderers, strict=True)])


def _of_object(form: TextForm, path: str, columns: list[str], row: bytes, offset: int) -> Values:
    try:
        value = json.loads(decoded(row, form.encoding, path, offset))
        return tuple(["" if value.get(name) is None else str(value[name]) for name in columns])
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: the row at byte {offset} is not a JSON object", "Each line is one.") from error


def _rendered(dtype: str, text: str) -> str:
    """A field as its column's dtype has it; what does not fit stays as it is (its mini-batch will fail)."""
    if text in MISSING:
        return ""
    try:
        if dtype.startswith(("int", "uint", "Int", "UInt")):
            return str(int(text))
        if dtype.startswith(("float", "Float")):
            return str(float(text))
    except ValueError:
        return text
    return text.capitalize() if dtype == BOOLEAN else text
