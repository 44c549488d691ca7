"""Talking to a live run: server and client, and the commands that use them."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.local import control
from parallelrun.local.request import NodeView, Snapshot

NOW = Snapshot("Running", 10, 4, nodes=[NodeView(0, "running", 4, 2, ["5"])])


class LiveRun:
    """A run's control server on a thread of its own."""

    def __init__(self, folder: Path, handle: Callable[[str], Snapshot]) -> None:
        self._server = control.ControlServer(folder, handle)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._call(self._server.start())

    def _call(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def end(self) -> None:
        if self._thread.is_alive():
            self._call(self._server.close())
            self._call(_finish_others())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()


async def _finish_others() -> None:
    """A connection that was accepted just before the close begins and ends after it."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=5)


@pytest.fixture
def start(make_run) -> Iterator[Callable[..., LiveRun]]:
    """Starts a live run in a folder; all are ended with the test."""
    runs: list[LiveRun] = []

    def make(folder: Path, handle: Callable[[str], Snapshot] = lambda _: NOW) -> LiveRun:
        if not folder.exists():
            make_run(folder, "Running")
        runs.append(LiveRun(folder, handle))
        return runs[-1]

    yield make
    for run in runs:
        run.end()


def test_commands_reach_the_run_and_bring_its_state_back(here, start):
    heard = []
    start(here / "r", lambda command: heard.append(command) or NOW)
    assert [control.ask(here / "r", command) for command in control.COMMANDS] == [NOW] * 4
    assert heard == list(control.COMMANDS)


def test_nothing_is_left_of_a_server_that_was_closed(here, start):
    run = start(here / "r")
    place = Path(json.loads((here / "r" / layout.CONTROL).read_text())["socket"]).parent
    assert place.exists()
    assert control.is_live(here / "r")
    run.end()
    assert not place.exists()
    assert not (here / "r" / layout.CONTROL).exists()
    assert not control.is_live(here / "r")


def test_a_server_that_closes_hangs_up(here, start):
    run = start(here / "r")
    address = json.loads((here / "r" / layout.CONTROL).read_text())["socket"]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(address)
        connection.sendall(b'{"command": "status"}\n')
        with connection.makefile("rb") as answers:
            assert json.loads(answers.readline())["ok"]
            run.end()
            assert answers.read() == b""


def test_what_a_killed_run_left_is_not_live(here, make_run):
    folder = make_run(here / "r", "Running")
    value = {"socket": str(here / "gone.sock"), "pid": 1, "folder": str(folder)}
    (folder / layout.CONTROL).write_text(json.dumps(value))
    assert not control.is_live(folder)
    with pytest.raises(control.NotLive):
        control.ask(folder, "status")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"socket": 5}', '"x"'])
def test_a_damaged_control_file_is_not_live(here, make_run, text):
    folder = make_run(here / "r", "Running")
    (folder / layout.CONTROL).write_text(text)
    assert not control.is_live(folder)


def test_a_copy_of_a_live_runs_folder_does_not_steer_it(call, here, start):
    heard = []
    start(here / "r", lambda command: heard.append(command) or NOW)
    shutil.copytree(here / "r", here / "copy")
    answer = call("cancel", "copy")
    assert answer.code == 2
    assert "is a copy of" in answer.err
    assert heard == []


def test_a_refusal_is_told(call, here, start):
    def refuse(command: str) -> Snapshot:
        if command == "status":
            return NOW
        raise RunFolderError("it is writing its output; wait")

    start(here / "r", refuse)
    answer = call("cancel", "r")
    assert answer.code == 2
    assert "it is writing its output; wait" in answer.err


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b'{"command": "explode"}\n'])
def test_the_server_answers_nonsense_and_lives_on(here, start, line):
    start(here / "r")
    address = json.loads((here / "r" / layout.CONTROL).read_text())["socket"]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(address)
        connection.sendall(line)
        answer = json.loads(connection.makefile("rb").readline())
    assert answer["ok"] is False
    assert control.ask(here / "r", "status") == NOW


def test_a_run_that_does_not_answer_is_named(here, make_run, monkeypatch):
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.1)
    folder = make_run(here / "r", "Running")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(here / "s"))
        silent.listen()
        value = {"socket": str(here / "s"), "pid": 1, "folder": str(folder)}
        (folder / layout.CONTROL).write_text(json.dumps(value))
        with pytest.raises(RunFolderError, match="did not answer"):
            control.ask(folder, "status")


def test_a_newer_runs_snapshot_is_understood():
    value = {"phase": "Running", "total": 3, "colour": "red", "nodes": [{"node": 0, "state": "running", "new": 1}]}
    assert control.snapshot_from_json(value) == Snapshot("Running", 3, nodes=[NodeView(0, "running")])


@pytest.mark.parametrize(
    ("command", "said"), [("suspend", "suspended"), ("resume", "goes on"), ("cancel", "cancelled")]
)
def test_steering_says_what_was_done(call, here, start, command, said):
    heard = []
    start(here / "runs" / "r", lambda word: heard.append(word) or NOW)
    answer = call(command, "r")
    assert answer.code == 0
    assert heard == [command]
    assert f"runs/r: {said}; 4 of 10 mini-batches (40%)" in answer.err


@pytest.mark.parametrize("phase", ["Done", "Aborted", "Running"])
def test_a_run_that_is_not_live_cannot_be_steered(call, here, make_run, phase):
    make_run(here / "r", phase)
    answer = call("suspend", "r")
    assert answer.code == 2
    assert "is not running now" in answer.err
    assert ("--resume" in answer.err) == (phase == "Running")


def test_steering_wants_the_run_said(call, here, start):
    start(here / "runs" / "r")
    assert call("cancel").code == 2


def test_a_live_run_is_listed_with_its_counts(call, here, start):
    start(here / "runs" / "r")
    assert call("list").out.splitlines()[1].split()[:4] == ["r", "Running", "4/10", "0"]


def test_watch_shows_progress_and_gives_the_runs_exit_code(call, here, start, make_run):
    folder = here / "r"
    asked = []

    def handle(command: str) -> Snapshot:
        asked.append(command)
        if len(asked) == 2:
            make_run(folder)  # done
            (folder / layout.CONTROL).unlink()
        return NOW

    start(folder, handle)
    answer = call("watch", "r", "--json")
    assert answer.code == 0
    types = [json.loads(line)["type"] for line in answer.out.splitlines()]
    assert types == ["progress", "result"]


@pytest.mark.parametrize(("phase", "code"), [("Done", 0), ("Aborted", 1), ("Running", 130)])
def test_wait_gives_the_exit_code_of_a_run_that_has_ended(call, here, make_run, monkeypatch, phase, code):
    monkeypatch.setattr("parallelrun.local.runs.PATIENCE", 0.0)
    make_run(here / "r", phase)
    assert call("wait", "r").code == code


def test_wait_gives_up_after_its_timeout(call, here, start):
    start(here / "r")
    answer = call("wait", "r", "--timeout", "0.05")
    assert answer.code == 124
    assert "still goes on" in answer.err
