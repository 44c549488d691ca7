"""A DataFrame as ``to_csv(sep=" ", header=False, index=False)`` writes it, in half the time.

pandas takes each value through Python's CSV writer; for plain numbers and strings the same characters come from
joining columns of strings. Whatever is not certain to come out alike is left to pandas.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

SEPARATOR = " "
#: Whether these make the CSV writer quote a field depends on Python's version.
_UNCERTAIN = ("\r", "\0")
#: NumPy's own: none of them can be missing.
_PLAIN = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}


def joined(frame: Any) -> str | None:
    """The text; None where only pandas knows it."""
    if frame.shape[1] < 2 or not len(frame):  # a single empty field is quoted, unlike others
        return None
    columns = []
    for place in range(frame.shape[1]):
        texts = _texts(frame.iloc[:, place])
        if texts is None:
            return None
        columns.append(texts)
    return "\n".join(map(SEPARATOR.join, zip(*columns))) + "\n"


def _texts(column: Any) -> list[str] | None:
    """The fields of one column, or None."""
    name = str(column.dtype)
    if name == "float64":
        texts = list(map(repr, column.tolist()))
        return ["" if text == "nan" else text for text in texts] if "nan" in texts else texts
    if name in _PLAIN:
        return list(map(str, column.tolist()))
    if name in ("object", "str"):
        return _strings(column.tolist())
    return None


def _strings(values: list[Any]) -> list[str] | None:
    kinds = set(map(type, values))
    if kinds != {str}:
        if not kinds <= {str, float, type(None)} or any(v == v and v is not None for v in values if type(v) is not str):
            return None
        values = [value if type(value) is str else "" for value in values]
    together = "".join(values)
    if any(character in together for character in _UNCERTAIN):
        return None
    if SEPARATOR in together or '"' in together or "\n" in together:
        return [_quoted(value) for value in values]
    return values


def _quoted(value: str) -> str:
    if SEPARATOR in value or '"' in value or "\n" in value:
        return '"' + value.replace('"', '""') + '"'
    return value
