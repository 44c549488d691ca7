"""``spec.miniBatchSize``: a count of files, or bytes of a table, in one field as in Azure ML."""

import re

DEFAULT_FILES = 10
DEFAULT_BYTES = 1024**2
PATTERN = r"^[1-9][0-9]{0,14} ?([KkMmGg]?[Bb])?$"
_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def files(size: int | str | None) -> int:
    """How many files a mini-batch has at most; raises ValueError for a size with a unit."""
    return DEFAULT_FILES if size is None else _positive(int(size), size)


def bytes_(size: int | str | None) -> int:
    """About how many bytes of a table a mini-batch has: 1 KB is 1024, in any case; a bare number is bytes."""
    if size is None:
        return DEFAULT_BYTES
    if isinstance(size, int):
        return _positive(size, size)
    if not re.match(PATTERN, size):
        raise ValueError(f"not a size: {size!r}")
    number = size.rstrip("KkMmGgBb ")
    return int(number) * _UNITS[size[len(number) :].strip().lower()]


def _positive(number: int, size: int | str) -> int:
    if number < 1:
        raise ValueError(f"not a size: {size!r}")
    return number
