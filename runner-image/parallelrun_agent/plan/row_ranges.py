"""Cuts a file of rows into byte ranges that end at row ends, reading only near each cut.

A row ends at a line feed, so that "\\r\\n" stays together; with multi-line support only at a line feed outside quotes,
which takes one streaming pass. The k-th range ends at the first row end at or after k times the wanted size: a row
longer than that makes its range longer, however long it is (the worker refuses what it cannot hold). No range lacks a
row: blank lines go to the range before or after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from parallelrun.api.errors import InputError

_PROBE = 1 << 12
_STREAM = 1 << 18
_LARGEST = 1 << 22

Range = tuple[int, int]


class Bytes:
    """A file's bytes, read in windows near where they are asked for; never more than a few MB at a time."""

    def __init__(self, descriptor: int, path: str, size: int, step: int) -> None:
        """``step`` is how far apart questions will be: windows are larger where they would touch anyway."""
        self._descriptor = descriptor
        self.path = path
        self.size = size
        self._window = _STREAM if step < _STREAM else _PROBE
        self._start = 0
        self._data = b""

    def window(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; raises InputError where they cannot be read."""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise InputError(f"{self.path} at byte {offset}: {error.strerror}") from error

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), from the window at hand where it holds them."""
        if not self._start <= start <= stop <= self._start + len(self._data):
            self._start, self._data = start, self.window(start, max(self._window, stop - start))
        return self._data[start - self._start : stop - self._start]

    def find_line_end(self, offset: int) -> int:
        """Where the line that holds byte ``offset`` ends: past its line feed, or at the end of the file."""
        position, length = offset, self._window
        while position < self.size:
            data, index = self._at(position, length)
            found = data.find(b"\n", index)
            if found >= 0:
                return position - index + found + 1
            position += len(data) - index
            length = min(length * 4, _LARGEST)
        return self.size

    def has_other_than(self, blank: bytes, start: int, stop: int) -> bool:
        """Whether [start, stop) holds any byte that is not in ``blank``."""
        position, length = start, self._window
        while position < stop:
            data, index = self._at(position, length)
            if data[index : index + stop - position].strip(blank):
                return True
            position += len(data) - index
            length = min(length * 4, _LARGEST)
        return False

    def _at(self, position: int, length: int) -> tuple[bytes, int]:
        """Bytes around ``position``, at least one from it on, and its place in them."""
        if not self._start <= position < self._start + len(self._data):
            self._start, self._data = position, self.window(position, length)
            if not self._data:
                raise became_shorter(self.path)
        return self._data, position - self._start


def became_shorter(path: str) -> InputError:
    """The error for a file that changes under the planner."""
    return InputError(f"{path} changed while it was planned", "Run the job when nothing writes to its input.")


def cut(data: Bytes, start: int, wanted: int, row_end: Callable[[int], int], blank: bytes) -> Iterator[Range]:
    """Ranges of about ``wanted`` bytes from ``start`` to the end; together they hold every row once, in order.

    ``row_end(offset)`` says where the row that holds that byte ends; it is asked with growing offsets. Lines that
    hold nothing but bytes in ``blank`` are no rows.
    """
    first = offset = start
    held: Range | None = None
    while offset < data.size:
        goal = start + ((offset - start) // wanted + 1) * wanted
        stop = row_end(goal - 1) if goal < data.size else data.size
        if data.has_other_than(blank, offset, stop):
            if held:
                yield held
            held, first = (first, stop), stop
        offset = stop
    if held:
        yield held[0], data.size
