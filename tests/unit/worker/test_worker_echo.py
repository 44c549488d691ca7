"""What processes print appears in the host's own output, a line at a time, named."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from parallelrun_worker import echo
from parallelrun_worker.echo import LONGEST_LINE, Echo, Tail

DEADLINE_SECONDS = 20.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "process000.stdout.txt"


def tail(file: Path) -> Tail:
    return Tail(str(file), b"[p] ")


def add(file: Path, data: bytes) -> None:
    with file.open("ab") as out:
        out.write(data)


def test_what_earlier_processes_printed_is_not_printed_again(file):
    add(file, b"old\nhalf")
    one = tail(file)
    add(file, b"new\n")
    assert one.grown(False) == [b"[p] new\n"]


def test_a_file_may_come_later(file):
    one = tail(file)
    assert one.grown(False) == []
    add(file, b"first\n")
    assert one.grown(False) == [b"[p] first\n"]


def test_a_line_is_printed_when_it_is_whole(file):
    one = tail(file)
    add(file, b"ab")
    assert one.grown(False) == []
    add(file, b"c\n\nd")
    assert one.grown(False) == [b"[p] abc\n", b"[p] \n"]


def test_a_last_line_without_an_end_is_printed_when_its_process_is_gone(file):
    one = tail(file)
    add(file, b"died here")
    assert one.grown(True) == [b"[p] died here\n"]
    assert one.grown(True) == []


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_long_line_is_cut_and_says_so_however_it_came(file, pieces):
    one, length = tail(file), LONGEST_LINE * 3
    lines = []
    for _ in range(pieces):
        add(file, b"x" * (length // pieces))
        lines += one.grown(False)
    add(file, b"\nnext\n")
    lines += one.grown(False)
    assert lines == [b"[p] " + b"x" * LONGEST_LINE + b" ... (%d bytes more)\n" % (2 * LONGEST_LINE), b"[p] next\n"]


def test_a_file_that_was_emptied_goes_on_from_its_start(file):
    add(file, b"long ago\n")
    one = tail(file)
    file.write_bytes(b"")
    one.grown(False)
    add(file, b"anew\n")
    assert one.grown(False) == [b"[p] anew\n"]


def test_both_streams_of_all_processes_come_out_and_the_rest_on_close(tmp_path, monkeypatch):
    monkeypatch.setattr(echo, "PAUSE_SECONDS", 0.01)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    one = Echo({"processes": 2, "stdout": str(tmp_path)}, writer)
    add(tmp_path / "process000.stdout.txt", b"out\n")
    add(tmp_path / "process001.stderr.txt", b"err\n")
    said, deadline = b"", time.monotonic() + DEADLINE_SECONDS
    while said.count(b"\n") < 2:
        assert time.monotonic() < deadline, said
        try:
            said += os.read(reader, 1000)
        except BlockingIOError:
            time.sleep(0.01)
    assert sorted(said.splitlines()) == [b"[process000] out", b"[process001] err"]
    add(tmp_path / "process001.stdout.txt", b"half")
    one.ended(1)
    one.close()
    assert os.read(reader, 1000) == b"[process001] half\n"
    os.close(reader)
    os.close(writer)


def test_nobody_reading_any_more_is_no_reason_to_fail(tmp_path):
    reader, writer = os.pipe()
    one = Echo({"processes": 1, "stdout": str(tmp_path)}, writer)
    os.close(reader)
    add(tmp_path / "process000.stdout.txt", b"out\n")
    one.close()
    assert not one._thread.is_alive()
    os.close(writer)
