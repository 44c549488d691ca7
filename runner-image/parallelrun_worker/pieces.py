"""The bytes of a mini-batch's parts of one text file: checked for size, decompressed, decoded, without header."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import zlib

from parallelrun_worker import row_places
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: A mini-batch larger than this is refused: it is a row without an end, and would take the machine's memory along.
MAX_BYTES = 1 << 30
#: A line's number is told only if no more than this has to be read to count it.
_COUNTED = 1 << 28
_CHUNK = 1 << 22
#: The stop of a part that is a whole file.
WHOLE = -1


class Text:
    """How the bytes of a table's text files are read."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._encoding = codecs.lookup(table["encoding"] or "utf-8").name
        self._header = table["header"] and table["format"] == "csv"
        self._multi_line = table["support_multi_line"]
        self._separator = table["separator"] if table["format"] == "csv" else ""
        self.partial = False  #: of files, only the parts are here, at their places

    def read(self, path: str, start: int, stop: int) -> bytes:
        """One part as UTF-8, always ending in a line feed. Raises Unfit."""
        data = _whole(path) if stop == WHOLE else _range(path, start, stop)
        data = self._as_utf8(path, start, data)
        if stop == WHOLE:
            data = data[len(codecs.BOM_UTF8) :] if data.startswith(codecs.BOM_UTF8) else data
            data = self._without_header(data) if self._header else data
        return data if not data or data.endswith(b"\n") else data + b"\n"

    def places(self, path: str, start: int, stop: int) -> Any:
        """The byte in the file at which each row of a part begins. Raises Unfit."""
        try:
            return row_places.of_text(_range(path, start, stop), self._separator, self._multi_line) + start
        except csv.Error as error:
            raise Unfit("%s: %s" % (path, error)) from error

    def line(self, path: str, start: int, lines: int) -> str:
        """Where the row is that comes after ``lines`` lines of the part that begins at byte ``start``."""
        if (
            start > _COUNTED
            or (start and self.partial)
            or self._encoding not in ("utf-8", "ascii", "iso8859-1", "cp1252")
        ):
            return "%s, line %d from byte %d" % (path, lines + 1, start)
        if start:
            lines += _range(path, 0, start).count(b"\n")
        elif self._header:
            lines += 1  # a whole file, whose header is not among the rows
        return "%s, line %d" % (path, lines + 1)

    def _as_utf8(self, path: str, start: int, data: bytes) -> bytes:
        if self._encoding in ("utf-8", "ascii", "utf-8-sig"):
            return data  # checked by who parses it
        try:
            return data.decode(self._encoding).encode("utf-8")
        except UnicodeDecodeError as error:
            raise bad_text(path, start + error.start, self._encoding) from error

    def _without_header(self, data: bytes) -> bytes:
        stop = 0
        while stop < len(data):
            end = data.find(b"\n", stop) + 1 or len(data)
            row = data[stop:end]
            while self._multi_line and row.count(b'"') % 2 and end < len(data):
                end = data.find(b"\n", end) + 1 or len(data)
                row = data[stop:end]
            stop = end
            if row.strip():
                break
        return data[stop:]


def bad_text(path: str, offset: int, encoding: str) -> Unfit:
    """The error for text in another encoding."""
    return Unfit(
        '%s: the text at byte %d is not %s; set table.encoding to what the file has (say "latin-1" or "cp1252")'
        % (path, offset, encoding)
    )


def check_size(size: int, path: str) -> None:
    """Raises Unfit for a mini-batch that no machine should hold."""
    if size > MAX_BYTES:
        raise Unfit(
            "%s: one mini-batch would take %.1f GiB, more than %d GiB; is there a row without a line feed at its end, "
            "or a very large partition? Rows longer than that cannot be read" % (path, size / 2.0**30, MAX_BYTES >> 30)
        )


def unreadable(path: str, error: Exception) -> Unfit:
    """The error for a file that was there when the job was planned."""
    return Unfit("cannot read %s: %s" % (path, getattr(error, "strerror", None) or error))


def _range(path: str, start: int, stop: int) -> bytes:
    parts = []
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            while start < stop:
                data = file.read(stop - start)
                if not data:
                    raise Unfit("%s became shorter than it was when the job was planned" % path)
                parts.append(data)
                start += len(data)
    except OSError as error:
        raise unreadable(path, error) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _whole(path: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
            while True:
                data = file.read(_CHUNK)
                if not data:
                    return b"".join(parts)
                size += len(data)
                check_size(size, path)
                parts.append(data)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def rows_at_least(path: str, start: int, stop: int) -> int:
    """How many items a part that cannot be read stands for: its lines, at least 1; for a whole file just that."""
    if stop == WHOLE:
        return 1
    lines = 0
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            while start < stop:
                data = file.read(min(_CHUNK, stop - start))
                if not data:
                    break
                start += len(data)
                lines += data.count(b"\n") + (start >= stop and not data.endswith(b"\n"))
    except OSError:
        pass
    return max(1, lines)


def size_of(path: str, ranges: list[tuple[int, int]]) -> int:
    """Bytes that these parts of a text file have on disk."""
    try:
        return sum(os.stat(path).st_size if stop == WHOLE else stop - start for start, stop in ranges)
    except OSError as error:
        raise unreadable(path, error) from error
