"""The order of files, and of partitions: natural, total and the same on every machine.

Two paths are compared component by component. In a component a run of ASCII digits is compared as a number and stands
where the digit "0" stands among other characters; everything else is compared by its raw bytes (no locale, no case
folding). Components that are equal so far ("1" and "01") are compared by their raw bytes. So ``img2.png`` comes before
``img10.png``, and ``a/z.png`` before ``b.png`` as "a" comes before "b".

A sort key is one ``bytes`` object, so that sorting compares with memcmp and 10^6 keys fit in little memory.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DIGITS = re.compile(rb"([0-9]+)")
#: A number such that memcmp compares numbers: how long it is without leading zeros, then its digits.
_LENGTHS = [b"0" + bytes((length + 1,)) for length in range(255)]
#: Ends a component's key; no file name holds it, and it sorts before everything that could follow.
END = b"\0"


def natural(name: bytes) -> bytes:
    """The part of a key that compares digits as numbers; equal for "1" and "01"."""
    pieces = _DIGITS.split(name)
    for place in range(1, len(pieces), 2):
        digits = pieces[place].lstrip(b"0")
        pieces[place] = _LENGTHS[min(len(digits), 254)] + digits
    return b"".join(pieces)


def key(name: bytes) -> bytes:
    """The key of one component (no NUL in it): its natural part, then its raw bytes to decide ties."""
    return natural(name) + END + name


def name_of(component_key: bytes) -> bytes:
    """The name that :func:`key` was made of."""
    return component_key[component_key.rindex(END) + 1 :]


def path_key(path: bytes) -> tuple[bytes, ...]:
    """The key of a whole path."""
    return tuple(key(component) for component in path.split(b"/"))


def sortable(path: bytes) -> bytes:
    """The key of a whole path as one ``bytes``, for sorting on disk; names hold no NUL, which ends each here."""
    folder, slash, name = path.rpartition(b"/")
    return _folder_key(folder) + key(name) if slash else key(name)


@lru_cache(1024)
def _folder_key(folder: bytes) -> bytes:
    return b"".join([key(name) + END for name in folder.split(b"/")])


def path_of(sortable_key: bytes) -> bytes:
    """The path that :func:`sortable` was given."""
    return b"/".join(sortable_key.split(END)[1::2])


def tuple_key(values: tuple[str, ...]) -> bytes:
    """The key of a partition's values, as one ``bytes`` for sorting on disk; values may hold any character.

    NUL within a value is escaped so that the keys of different tuples differ.
    """
    return b"".join(_value_key(value) for value in values)


def _value_key(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogateescape").replace(b"\x01", b"\x01\x02").replace(END, b"\x01\x01")
    return natural(raw) + END + raw + END
