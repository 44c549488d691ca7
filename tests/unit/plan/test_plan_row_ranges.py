"""Cutting files of rows: every row in exactly one range, in order, whatever the file holds and whatever the size."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from parallelrun.api.errors import InputError
from parallelrun_agent.plan.quoted_rows import QuotedRows
from parallelrun_agent.plan.row_ranges import Bytes, cut
from parallelrun_agent.storage.reading import FileSource

BLANK = b" \t\r\n"
_TEXT = st.text(st.sampled_from('a",\n\r é'), max_size=60)
_LINES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "", '"x"', '"x,y"', '"\n"', '"a""b"', '"é\r\n"', '5"', "bb bb"]), min_size=1),
        st.sampled_from(["\n", "\r\n"]),
    ).map(lambda line: ",".join(line[0]) + line[1]),
    max_size=12,
).map("".join)

_shared = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def ranges(path: Path, raw: bytes, wanted: int, chunk: int | None = None, start: int = 0) -> list[tuple[int, int]]:
    """The ranges of a file; with ``chunk``, for quoted line feeds, in chunks of that size."""
    path.write_bytes(raw)
    with FileSource(str(path), len(raw)) as source:
        data = Bytes(source, len(raw), wanted)
        end: Callable[[int], int] = data.find_line_end
        if chunk:
            end = QuotedRows(data, start, b",", chunk).end
        return list(cut(data, start, wanted, end, BLANK))


def rows(text: str) -> list[list[str]]:
    """The rows as CSV readers see them, without blank lines."""
    parsed = csv.reader(io.StringIO(text, newline=""))
    return [row for row in parsed if len(row) > 1 or "".join(row).strip()]


@given(_TEXT | _LINES, st.integers(1, 40))
@_shared
def test_every_line_is_in_exactly_one_range(tmp_path: Path, text: str, wanted: int) -> None:
    raw = text.encode()
    found = ranges(tmp_path / "x.csv", raw, wanted)
    lines = [line for line in raw.split(b"\n") if line.strip(BLANK)]
    parts = [[line for line in raw[a:b].split(b"\n") if line.strip(BLANK)] for a, b in found]
    assert [line for part in parts for line in part] == lines
    assert all(parts), "no range lacks a row"
    assert all(one[1] == other[0] for one, other in pairwise(found))
    if found:
        assert (found[0][0], found[-1][1]) == (0, len(raw))


@given(_TEXT | _LINES, st.integers(1, 40), st.sampled_from([1, 2, 3, 7, 1000]))
@example('"a"",\n"\n1', 1, 1)
@example('a"\n"b\n"\nc\n', 1, 2)
@example('"""\n"""\nx\n', 1, 3)
@_shared
def test_every_row_of_several_lines_is_in_exactly_one_range(tmp_path: Path, text: str, wanted: int, chunk: int) -> None:
    raw = text.encode()
    found = ranges(tmp_path / "x.csv", raw, wanted, chunk)
    parts = [rows(raw[a:b].decode()) for a, b in found]
    assert [row for part in parts for row in part] == rows(text)
    if wanted == 1 and "\r" not in text:
        assert all(len(part) <= 1 for part in parts)


@given(_LINES, st.integers(1, 40), st.sampled_from([2, 1000]))
@_shared
def test_chunks_walked_quote_by_quote_and_counted_agree(tmp_path: Path, text: str, wanted: int, chunk: int) -> None:
    counted = ranges(tmp_path / "x.csv", text.encode(), wanted, chunk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuotedRows, "_is_regular", lambda self, quotes: False)
        assert ranges(tmp_path / "x.csv", text.encode(), wanted, chunk) == counted


def test_ranges_are_as_large_as_wanted_and_end_at_row_ends(tmp_path: Path) -> None:
    raw = b"".join(b"%06d,abc\r\n" % number for number in range(1000))
    found = ranges(tmp_path / "x.csv", raw, 1200)
    assert [stop - start for start, stop in found] == [1200] * 10
    ends = [stop for _, stop in ranges(tmp_path / "x.csv", raw, 1195)]
    assert ends == [-(-number * 1195 // 12) * 12 for number in range(1, 11)] + [len(raw)]
    assert len(ranges(tmp_path / "x.csv", raw, 1)) == 1000


def test_a_row_longer_than_wanted_makes_its_range_longer(tmp_path: Path) -> None:
    long = b"x" * 700_000 + b"\n"
    raw = b"a\n" + long + b"b\nc\n"
    end = len(b"a\n" + long)
    assert ranges(tmp_path / "x.csv", raw, 4) == [(0, end), (end, end + 2), (end + 2, len(raw))]


@pytest.mark.parametrize("chunk", [None, 1 << 21])
def test_a_row_of_gigabytes_is_never_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int | None
) -> None:
    read: list[int] = []
    pread = FileSource.read

    def watched(self: FileSource, offset: int, length: int) -> bytes:
        read.append(length)
        return pread(self, offset, length)

    monkeypatch.setattr(FileSource, "read", watched)
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n")
    size = 1 << 28
    os.truncate(path, size)
    with FileSource(str(path), size) as source:
        data = Bytes(source, size, 4)
        end = QuotedRows(data, 0, b",", chunk).end if chunk else data.find_line_end
        assert list(cut(data, 0, 1, end, BLANK)) == [(0, 2), (2, size)]
    assert max(read) <= 1 << 22


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n")
    with FileSource(str(path), 2) as source:
        data = Bytes(source, 100, 10)
        with pytest.raises(InputError, match="changed while it was planned"):
            list(cut(data, 0, 10, data.find_line_end, BLANK))


def test_a_file_that_has_another_size_than_when_it_was_listed_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n")
    with FileSource(str(path), 3) as source, pytest.raises(InputError, match="changed while it was planned"):
        source.read(0, 1)
