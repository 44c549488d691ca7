"""Finds where rows end when a quoted field may hold line feeds: one streaming pass over the file.

A quote opens a field only where the field starts, as CSV readers have it: in ``5" pipe,3`` it is a character. Where all
quotes of a chunk open and close fields, or are doubled, the parity of their number decides and NumPy counts them;
a chunk with any other quote is walked quote by quote.
"""

from __future__ import annotations

from typing import Any

from parallelrun_agent.plan.row_ranges import Bytes
from parallelrun_agent.storage.reading import became_shorter

_CHUNK = 1 << 21
_QUOTE = 0x22
_LINE_FEED, _RETURN = 0x0A, 0x0D


class QuotedRows:
    """Row ends of one file, asked for in ascending order."""

    def __init__(self, data: Bytes, start: int, separator: bytes, chunk: int = _CHUNK) -> None:
        """``start`` is where a row starts; ``separator`` is one byte."""
        self._data = data
        self._before_field = frozenset((*separator, _LINE_FEED, _RETURN))
        self._chunk = chunk
        self._offset = start  # of the chunk at hand
        self._bytes = b""
        self._toggles: Any = None  # places in the chunk at which quoting starts or ends, ascending
        self._quoted = False  # whether the chunk starts within quotes
        self._next_quoted = False
        self._closed = -1  # the offset of the last closing quote: a quote right after it is a doubled one
        self._previous = _LINE_FEED  # the byte before the chunk

    def end(self, offset: int) -> int:
        """Where the row that holds byte ``offset`` ends: past its line feed, or at the end of the file."""
        position = offset
        while position < self._data.size:
            while position >= self._offset + len(self._bytes):
                self._advance()
            found = self._line_feed(position - self._offset)
            if found >= 0:
                return self._offset + found + 1
            position = self._offset + len(self._bytes)
        return self._data.size

    def _line_feed(self, place: int) -> int:
        """The first line feed outside quotes at or after ``place`` in the chunk, or -1."""
        import numpy as np

        while (place := self._bytes.find(b"\n", place)) >= 0:
            before = int(np.searchsorted(self._toggles, place))
            if self._quoted == bool(before % 2):
                return place
            if before == len(self._toggles):
                return -1
            place = int(self._toggles[before])
        return -1

    def _advance(self) -> None:
        """Take in the next chunk."""
        import numpy as np

        if self._bytes:
            self._previous = self._bytes[-1]
        self._offset += len(self._bytes)
        self._quoted = self._next_quoted
        self._bytes = self._data.window(self._offset, self._chunk)
        if not self._bytes:
            raise became_shorter(self._data.path)
        quotes = np.flatnonzero(np.frombuffer(self._bytes, np.uint8) == _QUOTE)
        self._toggles = quotes if self._is_regular(quotes) else self._walk(quotes.tolist())
        self._next_quoted = self._quoted ^ bool(len(self._toggles) % 2)
        if len(self._toggles) and not self._next_quoted:
            self._closed = self._offset + int(self._toggles[-1])

    def _is_regular(self, quotes: Any) -> bool:
        """Whether every quote of the chunk, counted alternately, starts or ends quoting; none is a mere character."""
        import numpy as np

        if not len(quotes):
            return True
        opening = quotes[int(self._quoted) :: 2]
        before = np.frombuffer(bytes((self._previous,)) + self._bytes, np.uint8)[opening]
        starts = np.logical_or.reduce([before == byte for byte in self._before_field])
        doubled = before == _QUOTE
        if len(opening) and opening[0] == 0 and doubled[0]:
            doubled[0] = self._closed == self._offset - 1
        return bool((starts | doubled).all())

    def _walk(self, quotes: list[int]) -> list[int]:
        """The quotes that start or end quoting, by the rule, one by one."""
        toggles: list[int] = []
        quoted, closed = self._quoted, self._closed - self._offset
        for place in quotes:
            if not quoted:
                before = self._bytes[place - 1] if place else self._previous
                if before not in self._before_field and place != closed + 1:
                    continue
            else:
                closed = place
            quoted = not quoted
            toggles.append(place)
        self._closed = closed + self._offset
        return toggles
