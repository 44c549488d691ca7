"""How one text file of a table begins: byte order mark, header, first row; and how its bytes are read.

A file that cannot be cut (gzip; UTF-16, UTF-32 and other encodings in which a line feed is not one byte) is one part,
[0, -1): the whole file with its mark and header. In all other files a part starts after both.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun_agent.storage.places import unescaped
from parallelrun_agent.storage.reading import Source

#: A header or first row longer than this is refused.
MAX_HEAD = 1 << 24
_WINDOW = 1 << 16
_ASCII = bytes(range(128))


@dataclass(frozen=True)
class TextForm:
    """How the text files of a job's table are read; ``separator`` is "" for JSON lines."""

    format: str  # "csv" | "jsonl"
    separator: str
    header: bool
    encoding: str
    multi_line: bool
    first_header_only: bool = False  # only the first file has one

    @property
    def blank(self) -> bytes:
        """The bytes that a line may hold and yet be no row."""
        return bytes(set(b" \t\r\n") - set(self.separator.encode("ascii", "ignore")))

    def parse(self, line: str) -> list[str]:
        """The fields of one row of a CSV file."""
        csv.field_size_limit(MAX_HEAD)
        return next(csv.reader([line], delimiter=self.separator), [])


@dataclass(frozen=True)
class Head:
    """Where a file's rows start, its header (None: no row at all, or none wanted) and its first row."""

    start: int
    header: list[str] | None
    first: str | None  # None: there is no row


def check_encoding(name: str, encoding: str) -> None:
    """Raises InputError where Python does not know the encoding of input ``name``."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise InputError(
            f"input {name!r}: there is no encoding {encoding!r}", 'Common ones: "utf-8", "latin-1", "cp1252", "utf-16".'
        ) from error


def left_out(path: str) -> str:
    """What an input says that is not to read a file of this name."""
    return f'subset: {{exclude: ["**/{os.path.basename(unescaped(path))}"]}}'


def can_be_cut(encoding: str) -> bool:
    """Whether ASCII characters, line feeds among them, are single bytes of their own in this encoding."""
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return True
    try:
        return _ASCII.decode(encoding).encode(encoding) == _ASCII and "\n".encode(encoding) == b"\n"
    except UnicodeError:
        return False


def is_gzip(path: str) -> bool:
    """Whether a file's name says that it is compressed."""
    return unescaped(path).endswith(".gz")


@contextmanager
def readable_rows(path: str) -> Iterator[None]:
    """Turns what the csv module cannot split into an InputError that names the file."""
    try:
        yield
    except csv.Error as error:
        raise InputError(
            f"{path} cannot be split into rows and fields ({error})",
            "Lines have to end in a line feed: a file with carriage returns alone is converted by `tr '\\r' '\\n'`. "
            "Otherwise look for a quote that is not closed, and at table.supportMultiLine.",
        ) from error


def read_head(source: Source, form: TextForm) -> Head:
    """How the file begins; raises InputError for bad text, bad gzip and a head longer than MAX_HEAD."""
    with _stream(source) as stream, readable_rows(source.path):
        lines = _Lines(stream, source.path, form)
        header = None
        if form.header:
            text = lines.next_row()
            header = None if text is None else form.parse(text)
        start = lines.offset
        return Head(start, header, lines.next_row())


def read_start(source: Source, form: TextForm, length: int) -> tuple[str, bool]:
    """About ``length`` bytes of whole rows after the header of a file that is not cut, and whether it goes on."""
    with _stream(source) as stream:
        if can_be_cut(form.encoding):
            lines = _Lines(stream, source.path, form)
            if form.header:
                lines.next_row()
            return lines.rest(length)
        data = stream.read(length * 4)
        goes_on = bool(stream.read(1))
    try:
        text = codecs.getincrementaldecoder(form.encoding)().decode(data)
    except UnicodeDecodeError as error:
        raise bad_text(source.path, error.start, form.encoding) from error
    rows = text[: text.rfind("\n") + 1] if goes_on else text
    return (rows.partition("\n")[2] if form.header else rows), goes_on


@contextmanager
def _stream(source: Source) -> Iterator[Any]:
    """The file's bytes, decompressed."""
    path = source.path
    try:
        with source.stream() as raw:
            if not is_gzip(path):
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} is not a whole gzip file: {error}", "Make or copy it anew, or leave it out with a narrower path."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", "Every file of an input must be readable.") from error


class _Lines:
    """The rows at the beginning of a stream, decoded; ``offset`` is past the last row read."""

    def __init__(self, stream: Any, path: str, form: TextForm) -> None:
        self._stream, self._path, self._form = stream, path, form
        self._data = b""
        self._cut = can_be_cut(form.encoding)
        self._more()
        self.offset = len(codecs.BOM_UTF8) if self._cut and self._data.startswith(codecs.BOM_UTF8) else 0
        self._text = "" if self._cut else self._decoded()

    def next_row(self) -> str | None:
        """The next line that is a row, with its quoted line feeds where these are supported; None at the end."""
        return self._next_bytes() if self._cut else self._next_text()

    def rest(self, length: int) -> tuple[str, bool]:
        """Whole lines of about ``length`` bytes after the rows read so far, and whether there are more."""
        goes_on = True
        while goes_on and (len(self._data) < self.offset + length or b"\n" not in self._data[self.offset :]):
            goes_on = self._more()
        stop = self._data.rfind(b"\n") + 1 if goes_on else len(self._data)
        return decoded(self._data[self.offset : stop], self._form.encoding, self._path, self.offset), goes_on

    def _next_bytes(self) -> str | None:
        while True:
            end = self._end(self.offset)
            line = self._data[self.offset : end]
            if not line:
                return None
            start, self.offset = self.offset, end
            if line.strip(self._form.blank):
                return decoded(line, self._form.encoding, self._path, start)

    def _end(self, start: int) -> int:
        """Past the line feed that ends the row at ``start``, reading on as needed."""
        position = start
        while True:
            end = self._data.find(b"\n", position)
            if end < 0:
                if not self._more():
                    return len(self._data)
                continue
            if not self._form.multi_line or not _opens(self._data[start:end], self._form.separator.encode()):
                return end + 1
            position = end + 1

    def _next_text(self) -> str | None:
        blank = self._form.blank.decode("ascii")
        while self._text:
            line, _, self._text = self._text.partition("\n")
            if line.strip(blank):
                return line
        return None

    def _decoded(self) -> str:
        """The stream's beginning in an encoding that cannot be cut: enough for a header and a row."""
        while len(self._data) < MAX_HEAD // 16 and self._more():
            pass
        try:
            return codecs.getincrementaldecoder(self._form.encoding)().decode(self._data)
        except UnicodeDecodeError as error:
            raise bad_text(self._path, error.start, self._form.encoding) from error

    def _more(self) -> bool:
        if len(self._data) > MAX_HEAD:
            raise InputError(
                f"{self._path}: its first row is longer than {MAX_HEAD >> 20} MiB",
                "Is it a table of this format, with a line feed after each row?",
            )
        data = self._stream.read(max(_WINDOW, len(self._data)))
        self._data += data
        return bool(data)


def _opens(row: bytes, separator: bytes) -> bool:
    """Whether the row ends within quotes."""
    quoted, closed = False, -2
    place = row.find(b'"')
    while place >= 0:
        if quoted:
            quoted, closed = False, place
        elif place == 0 or row[place - 1 : place] in (separator[-1:], b"\n", b"\r") or place == closed + 1:
            quoted = True
        place = row.find(b'"', place + 1)
    return quoted


def decoded(data: bytes, encoding: str, path: str, offset: int) -> str:
    """``data``, found at ``offset``, as text; raises InputError naming the file and the byte."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise bad_text(path, offset + error.start, encoding) from error


def bad_text(path: str, offset: int, encoding: str) -> InputError:
    """The error for text in another encoding."""
    return InputError(
        f"{path}: the text at byte {offset} is not {encoding}",
        'Set table.encoding to what the files have; common ones: "latin-1", "cp1252", "utf-16".',
    )
