"""Cuts a file of rows into byte ranges that end at row ends, reading only near each cut.

A row ends at a line feed, so that "\\r\\n" stays together; with multi-line support only at a line feed outside quotes,
which takes one streaming pass. The k-th range ends at the first row end at or after k times the wanted size: a row
longer than that makes its range longer, however long it is (the worker refuses what it cannot hold). No range lacks a
row: blank lines go to the range before or after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from parallelrun_agent.storage.reading import Source, became_shorter

_PROBE = 1 << 12
_STREAM = 1 << 18
_LARGEST = 1 << 22
#: Probes of an object that are asked for at a time, and bytes of each.
_PROBES, _OBJECT_PROBE = 256, 1 << 13

Range = tuple[int, int]
#: More than any file has, in bytes or rows.
END = 1 << 62
EVERYTHING: Range = (0, END)


class Bytes:
    """A file's bytes, read in windows near where they are asked for; never more than a few MB at a time."""

    def __init__(self, source: Source, size: int, step: int) -> None:
        """Of the first ``size`` bytes of ``source``; ``step`` is how far apart questions will be: windows are larger
        where they would touch anyway, and asked for in advance where they would not."""
        self._source = source
        self.path = source.path
        self.size = size
        self._step = step
        probe = _PROBE if source.is_local else _OBJECT_PROBE
        self._window = _STREAM if step < _STREAM else probe
        self._expected = 0  # up to where line ends are asked for in advance
        self._start = 0
        self._data = b""

    def window(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; raises InputError or StorageError where they cannot be read."""
        return self._source.read(offset, length)

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), from the window at hand where it holds them."""
        if not self._start <= start <= stop <= self._start + len(self._data):
            self._start, self._data = start, self.window(start, max(self._window, stop - start))
        return self._data[start - self._start : stop - self._start]

    def find_line_end(self, offset: int) -> int:
        """Where the line that holds byte ``offset`` ends: past its line feed, or at the end of the file."""
        if offset >= self._expected and self._window < _STREAM and not self._source.is_local:
            self._expect(offset)
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

    def _expect(self, offset: int) -> None:
        """Ask for the windows at ``offset`` and at the next multiples of the step after it, side by side."""
        stop = min(self.size, offset + _PROBES * self._step)
        self._source.expect((at, at + self._window) for at in range(offset, stop, self._step))
        self._expected = offset + _PROBES // 2 * self._step

    def _at(self, position: int, length: int) -> tuple[bytes, int]:
        """Bytes around ``position``, at least one from it on, and its place in them."""
        if not self._start <= position < self._start + len(self._data):
            self._start, self._data = position, self._source.some(position, length)
            if not self._data:
                raise became_shorter(self.path)
        return self._data, position - self._start


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
