"""Many want one environment: one of them makes it, a dead builder is noticed, and a slow one harms nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_harness.wheel import WHEEL, write_wheel

import parallelrun_worker
from parallelrun.api import exit_codes
from parallelrun_worker.environment import attempts, installers, program, recipe
from parallelrun_worker.environment.not_made import NotMade

PROGRAM = str(Path(program.__file__))
DEADLINE = 60


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(attempts, "_BEAT_SECONDS", 0.02)


def record_of(folder: Path, number: int, **values: object) -> None:
    """What a builder elsewhere has written."""
    folder.mkdir(exist_ok=True)
    record = {"host": "other-pod", "pid": 1, "token": "other", "state": "building", "beat": 0, **values}
    (folder / f"{number}.json").write_text(json.dumps(record))
    (folder / str(number)).mkdir(exist_ok=True)


def wait_until(reached, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.01)


# --- whose attempt it is ----------------------------------------------------------------------------------------------


def test_of_many_one_builds_and_all_get_its_folder(tmp_path: Path) -> None:
    built: list[str] = []

    def build(place: str) -> None:
        built.append(place)
        time.sleep(0.1)
        os.mkdir(place)

    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(attempts.ensure(str(tmp_path), build, lambda _: None)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [str(tmp_path / "1")]
    assert found == built * 8


def test_a_builder_that_ended_between_two_looks_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts._write(str(tmp_path), 1, {"state": "building", "token": "x"})

    def ends_at_this_moment(*_: object) -> bool:
        (tmp_path / "1").mkdir()
        attempts._write(str(tmp_path), 1, {"state": "done", "token": "x"})
        return True

    monkeypatch.setattr(attempts, "_is_dead", ends_at_this_moment)
    assert attempts.ensure(str(tmp_path), os.mkdir, lambda _: None) == str(tmp_path / "1")
    assert not (tmp_path / "2").exists()


class Clock:
    """Time passes in sleep only, half of what makes a builder dead."""

    def __init__(self, happens: Callable[[int], None]) -> None:
        self.sleeps, self._happens = 0, happens

    def monotonic(self) -> float:
        return self.sleeps * attempts.DEAD_SECONDS / 2

    def sleep(self, _: float) -> None:
        self.sleeps += 1
        self._happens(self.sleeps)


def test_a_builder_who_lives_is_waited_for_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(lambda sleeps: record_of(tmp_path, 1, beat=sleeps, state="building" if sleeps < 20 else "done"))
    monkeypatch.setattr(attempts, "time", clock)
    record_of(tmp_path, 1)
    said: list[str] = []
    assert attempts.ensure(str(tmp_path), fail, said.append) == str(tmp_path / "1")
    assert clock.sleeps == 20
    assert said == ["waiting for other-pod, which installs the same"]


def fail(place: str) -> None:
    pytest.fail(f"{place} is built although somebody else builds")


def test_a_dead_builder_is_replaced_and_what_it_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(lambda _: None)
    monkeypatch.setattr(attempts, "time", clock)
    record_of(tmp_path, 1)
    assert attempts.ensure(str(tmp_path), os.mkdir, lambda _: None) == str(tmp_path / "2")
    assert clock.sleeps == 3
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["one-that-is-another-now", "none"])
def test_a_builder_of_this_machine_that_is_no_more_is_not_waited_for(tmp_path: Path, pid: int) -> None:
    """A container that is started again has its host's name and its process number."""
    record_of(tmp_path, 1, host=socket.gethostname(), pid=pid)
    assert attempts.ensure(str(tmp_path), os.mkdir, lambda _: None) == str(tmp_path / "2")


def test_who_was_taken_for_dead_and_is_not_breaks_nothing(tmp_path: Path) -> None:
    """It fills a folder of its own; the later attempt counts."""
    awake, go = threading.Event(), threading.Event()

    def slow(place: str) -> None:
        os.mkdir(place)
        awake.set()
        go.wait(DEADLINE)
        (Path(place) / "late").touch()

    slept = threading.Thread(target=lambda: attempts.ensure(str(tmp_path), slow, lambda _: None))
    slept.start()
    awake.wait(DEADLINE)
    (tmp_path / "2.json").touch()
    record_of(tmp_path, 2, state="done")
    go.set()
    slept.join(DEADLINE)
    assert attempts.made(str(tmp_path)) == str(tmp_path / "2")
    assert attempts.ensure(str(tmp_path), fail, lambda _: None) == str(tmp_path / "2")


def test_an_earlier_attempt_that_was_done_after_all_stays_for_those_who_use_it(tmp_path: Path) -> None:
    record_of(tmp_path, 1, state="left")

    def build(place: str) -> None:
        os.mkdir(place)
        record_of(tmp_path, 1, state="done")

    assert attempts.ensure(str(tmp_path), build, lambda _: None) == str(tmp_path / "2")
    assert (tmp_path / "1").is_dir()


def test_a_failure_is_told_to_all_who_wait_and_tried_again_by_who_comes_later(tmp_path: Path) -> None:
    started, go = threading.Event(), threading.Event()

    def build(place: str) -> None:
        os.mkdir(place)
        started.set()
        go.wait(DEADLINE)
        raise NotMade("no such package", "Look again.", may_mend=True)

    said: list[str] = []
    errors: list[NotMade] = []

    def want() -> None:
        try:
            attempts.ensure(str(tmp_path), build, said.append)
        except NotMade as error:
            errors.append(error)

    threads = [threading.Thread(target=want) for _ in range(3)]
    threads[0].start()
    started.wait(DEADLINE)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: len(said) == 2, "two wait")
    go.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert {(str(error), error.hint, error.may_mend) for error in errors} == {("no such package", "Look again.", True)}
    assert len(errors) == 3
    assert not (tmp_path / "1").exists()
    assert attempts.ensure(str(tmp_path), os.mkdir, said.append) == str(tmp_path / "2")


def test_a_builder_that_is_told_to_leave_keeps_nobody_waiting(tmp_path: Path) -> None:
    def build(place: str) -> None:
        os.mkdir(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempts.ensure(str(tmp_path), build, lambda _: None)
    assert attempts.ensure(str(tmp_path), os.mkdir, lambda _: None) == str(tmp_path / "2")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotMade, match=r"file/x cannot be written to") as caught:
        attempts.ensure(str(tmp_path / "file" / "x"), os.mkdir, lambda _: None)
    assert caught.value.may_mend


# --- what installers say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "passing"),
    [
        ("ERROR: No matching distribution found for pilow", False),
        ("error: No solution found when resolving dependencies", False),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", False),
        ("Failed to establish a new connection: [Errno 111] Connection refused'))': /simple/x/", True),
        ("  cause: error sending request for url (http://127.0.0.1:9/simple/x/)", True),
        ("WARNING: 401 Error, Credentials not correct for https://x/simple/  401 Client Error: Unauthorized", True),
        ("ERROR: HTTP error 503 while getting https://x/y.whl", True),
        ("OSError: [Errno 28] No space left on device", True),
        ("ReadTimeoutError(\"HTTPSConnectionPool(host='x', port=443): Read timed out.\")", True),
    ],
)
def test_what_may_pass_by_itself_is_told_from_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, passing: bool
) -> None:
    command = [sys.executable, "-c", f"print({line!r}); print('last'); raise SystemExit(1)"]
    monkeypatch.setattr(installers, "_venv", lambda folder: (command, []))
    shown: list[str] = []
    with pytest.raises(NotMade, match=r"last$") as caught:
        installers.build(recipe.Recipe(str(tmp_path), ("x",)), str(tmp_path / "e"), shown.append)
    assert caught.value.may_mend is passing
    assert shown == [line, "last"]


def test_an_installer_that_takes_too_long_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output stays open for as long as one of them lives."""
    script = "import subprocess, sys; print('downloading', flush=True); subprocess.run(['sleep', '600'])"
    monkeypatch.setattr(installers, "_venv", lambda folder: ([sys.executable, "-c", script], []))
    with pytest.raises(NotMade, match=r"within 1 s(.|\n)*downloading$"):
        installers.build(recipe.Recipe(str(tmp_path), ("x",)), str(tmp_path / "e"), lambda _: None, seconds=1)


def test_an_installer_that_ran_out_of_memory_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import os, signal; print('unpacking', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(installers, "_venv", lambda folder: ([sys.executable, "-c", script], []))
    with pytest.raises(NotMade, match=r"killed by signal 9(.|\n)*unpacking$") as caught:
        installers.build(recipe.Recipe(str(tmp_path), ("x",)), str(tmp_path / "e"), lambda _: None)
    assert caught.value.may_mend


# --- the program ------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    write_wheel(tmp_path / "source")
    return tmp_path / "source"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PIP_NO_INDEX": "1", **variables}
    environment.pop("PIP_FIND_LINKS", None)
    command = [sys.executable, PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_pod_makes_its_environment_and_enters_it_and_the_next_one_finds_it(tmp_path: Path, source: Path) -> None:
    shared = str(tmp_path / "shared")
    (source / "requirements.txt").write_text(f"./{WHEEL}\n")
    first, again = (run("make", shared, str(source), "--requirements=requirements.txt") for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert "installing" in first.stdout
    assert "installing" not in again.stdout
    script = "import os, sys, tiny; print(tiny.VALUE, sys.prefix == os.environ['VIRTUAL_ENV'], sys.argv[1:])"
    entered = run("enter", shared, "-c", script, "--flag")
    assert entered.stdout == "1 True ['--flag']\n", entered.stderr


def test_what_no_other_try_can_mend_has_an_exit_code_of_its_own(tmp_path: Path, source: Path) -> None:
    done = run("make", str(tmp_path / "shared"), str(source), "--pip=no-such-package-x")
    assert done.returncode == program.REFUSED == exit_codes.ENVIRONMENT_REFUSED
    assert "no-such-package-x" in done.stderr


def test_an_index_that_does_not_answer_is_worth_another_try(tmp_path: Path, source: Path) -> None:
    nobody = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    done = run("make", str(tmp_path / "shared"), str(source), "--pip=no-such-package-x", PIP_RETRIES="0", **nobody)
    assert done.returncode == program.MAY_MEND, done.stderr


def test_an_environment_that_is_gone_is_told(tmp_path: Path) -> None:
    done = run("enter", str(tmp_path), "-c", "print(1)")
    assert done.returncode != 0
    assert "is gone" in done.stderr


def test_a_pod_that_is_deleted_leaves_its_attempt_to_others(tmp_path: Path, source: Path) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho started\nexec sleep 600\n")
    uv.chmod(0o755)
    command = [sys.executable, PROGRAM, "make", str(tmp_path / "shared"), str(source), "--pip=x"]
    path = f"{uv.parent}:{os.environ['PATH']}"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PATH": path}) as child:
        assert child.stdout is not None
        while "started" not in child.stdout.readline():
            assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert child.wait(DEADLINE) == 143
    (record,) = (tmp_path / "shared").glob("*/1.json")
    assert json.loads(record.read_text())["state"] == "left"


def test_a_pod_that_waits_installs_itself_where_the_other_one_is_killed(tmp_path: Path, source: Path) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\necho started\nexec sleep 600\n")
    uv.chmod(0o755)
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PYTHONUNBUFFERED": "1"}
    stuck = {**environment, "PATH": f"{uv.parent}:{os.environ['PATH']}"}
    command = [sys.executable, PROGRAM, "make", str(tmp_path / "shared"), str(source), f"--pip=./{WHEEL}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=stuck) as first:
        assert first.stdout is not None
        while "started" not in first.stdout.readline():
            assert first.poll() is None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as second:
            assert second.stdout is not None
            assert "waiting for" in second.stdout.readline()
            first.kill()
            first.wait()
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # in a container it goes with process 1
            rest, _ = second.communicate(timeout=DEADLINE)
    assert second.returncode == 0, rest
    assert "installing" in rest


def test_it_is_copied_with_the_worker_s_program() -> None:
    assert Path(PROGRAM).is_relative_to(Path(parallelrun_worker.__file__).parent)
