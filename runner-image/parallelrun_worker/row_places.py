"""Where the rows of a text file begin, as the planner has cut them: what rows are counted and drawn by."""

from __future__ import annotations

import csv

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Iterator

_LINE_FEED = 0x0A


def blank_bytes(separator: str) -> bytes:
    """The bytes that a line may hold and yet be no row; ``separator`` is "" for JSON lines."""
    return bytes(set(b" \t\r\n") - set(separator.encode("ascii", "ignore")))


def of_text(data: bytes, separator: str, multi_line: bool) -> Any:
    """The offset in ``data`` at which each row begins, an array of int64; ``data`` is whole rows in an encoding in
    which ASCII characters are single bytes. Raises csv.Error."""
    import numpy

    blank = blank_bytes(separator)
    raw = numpy.frombuffer(data, numpy.uint8)
    lines = numpy.concatenate([[0], numpy.flatnonzero(raw == _LINE_FEED) + 1]).astype(numpy.int64)
    if lines[-1] == len(data):
        lines = lines[:-1]
    if multi_line and b'"' in data:
        return numpy.array(list(_over_lines(data, lines.tolist(), separator, blank)), dtype=numpy.int64)
    doubtful = numpy.isin(raw[lines], list(blank))
    if doubtful.any():
        for place in numpy.flatnonzero(doubtful).tolist():
            end = data.find(b"\n", lines[place]) + 1 or len(data)
            doubtful[place] = not data[lines[place] : end].strip(blank)
        lines = lines[~doubtful]
    return lines


def _over_lines(data: bytes, starts: list[int], separator: str, blank: bytes) -> Iterator[int]:
    stops = [*starts[1:], len(data)]
    text = (data[start:stop].decode("latin-1") for start, stop in zip(starts, stops))
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    reader = csv.reader(text, delimiter=separator)
    line = 0
    for _ in reader:
        if data[starts[line] : stops[reader.line_num - 1]].strip(blank):
            yield starts[line]
        line = reader.line_num
