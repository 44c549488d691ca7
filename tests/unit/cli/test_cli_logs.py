"""`parallelrun logs`: which files, which lines, and following them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.api import layout
from parallelrun.local.log_files import Log, Tail


@pytest.fixture
def run(here, make_run) -> Path:
    """A run of two nodes with two processes each, all of which printed something."""
    folder = make_run(here / "r")
    for node in (0, 1):
        for process in (0, 1):
            name = f"{node}.{process}"
            place = folder / layout.USER_STDOUT / layout.node_name(node)
            write(place / f"process00{process}.stdout.txt", f"out {name}\n")
            write(place / f"process00{process}.stderr.txt", f"err {name}\n")
            place = folder / layout.ENTRY_SCRIPT_LOG / layout.node_name(node)
            write(place / f"process00{process}.log.txt", f"log {name}\n")
        write(folder / layout.SYS / f"node00{node}.log", f"sys {node}\n")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("words", "count", "lines"),
    [
        ((), 12, ["node000/process000/log | log 0.0", "node001/process001/stdout | out 1.1"]),
        (("--node", "1"), 6, ["node001/process000/stderr | err 1.0"]),
        (("--process", "1"), 6, ["node000/process001/stdout | out 0.1"]),
        (("--stderr",), 4, ["node001/process000/stderr | err 1.0"]),
        (("--sys",), 2, ["node000/sys | sys 0"]),
        (("--sys", "--node", "1"), 1, ["sys 1"]),
        (("--node", "0", "--process", "1", "--stderr"), 1, ["err 0.1"]),
        (("--node", "7"), 0, []),
    ],
)
def test_the_wanted_logs_are_printed_and_marked(call, run, words, count, lines):
    answer = call("logs", "r", *words)
    assert answer.code == 0
    printed = answer.out.splitlines()
    assert len(printed) == count
    assert set(lines) <= set(printed)
    assert ("There is no such log" in answer.err) == (count == 0)


def test_tail_is_of_each_file(call, run):
    write(run / layout.SYS / "node000.log", "".join(f"line {n}\n" for n in range(100)))
    assert call("logs", "r", "--sys", "--node", "0", "--tail", "2").out == "line 98\nline 99\n"
    assert call("logs", "r", "--sys", "--node", "0", "--tail", "0").out == ""


def test_programs_get_the_bytes_as_they_are(call, run):
    (run / layout.SYS / "node000.log").write_bytes(b"\x1b[31mred\x1b[0m\nno end")
    assert call("logs", "r", "--sys", "--node", "0").out == "\x1b[31mred\x1b[0m\nno end\n"


def test_a_tail_that_is_no_number_is_refused(call, run):
    assert "not a whole number" in call("logs", "r", "--tail", "x").err


def test_other_files_in_the_log_folders_are_left_alone(call, run):
    write(run / layout.USER_STDOUT / "node000" / "notes.txt", "notes\n")
    write(run / layout.USER_STDOUT / "nodeX" / "process000.stdout.txt", "x\n")
    assert len(call("logs", "r").out.splitlines()) == 12


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=12), st.integers(0, 14))
def test_the_last_lines_are_the_last_lines(tmp_path_factory, lines, count):
    path = tmp_path_factory.getbasetemp() / "tail.log"
    for end in (b"\n", b""):
        path.write_bytes(b"\n".join(lines) + end)
        whole = list(read(Tail(Log(path, 0, None, "sys"))))
        wanted = whole[len(whole) - count :] if count < len(whole) else whole
        assert list(read(Tail(Log(path, 0, None, "sys"), count))) == wanted


def read(tail: Tail):
    yield from tail.lines()
    yield from tail.rest()


def test_the_last_lines_of_a_big_file_are_read_from_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("parallelrun.local.log_files._CHUNK", 7)
    path = tmp_path / "big"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(1000)))
    assert list(read(Tail(Log(path, 0, None, "sys"), 3))) == [b"line 997", b"line 998", b"line 999"]


def test_follow_prints_what_is_added_until_the_run_ends(run):
    """A child follows a run that is live as long as our socket listens."""
    listener = socket.socket(socket.AF_UNIX)
    address = run / "s"
    listener.bind(str(address))
    listener.listen()
    live = {"socket": str(address), "pid": 1, "folder": str(run.resolve())}
    (run / layout.CONTROL).write_text(json.dumps(live))
    log = run / layout.SYS / "node000.log"
    child = subprocess.Popen(
        [sys.executable, "-m", "parallelrun.cli.main", "logs", "r", "-f", "--sys", "--node", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=run.parent,
    )
    deadline = threading.Timer(30, child.kill)
    deadline.start()
    try:
        assert child.stdout.readline() == "sys 0\n"
        with open(log, "a") as file:
            file.write("added\n")
        assert child.stdout.readline() == "added\n"
        with open(log, "a") as file:
            file.write("last")
        listener.close()
        assert child.stdout.read() == "last\n"
        assert child.wait(20) == 0
    finally:
        deadline.cancel()
        listener.close()
        child.stdout.close()
        child.kill()
        child.wait()


def test_control_characters_are_escaped_on_a_terminal(run):
    (run / layout.SYS / "node000.log").write_bytes(b"50%\r100%\x1b[2J\xff\n")
    ours, theirs = os.openpty()
    try:
        words = [sys.executable, "-m", "parallelrun.cli.main", "logs", "r", "--sys", "--node", "0"]
        subprocess.run(
            words, stdout=theirs, cwd=run.parent, check=True, timeout=30, env={**os.environ, "TERM": "xterm"}
        )
        shown = os.read(ours, 1000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert shown.splitlines() == ["50%", r"100%\x1b[2J\xff"]
