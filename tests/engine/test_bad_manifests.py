"""What is wrong gets one screen of text and the right exit status; what is only odd works.

What a run of ``bad_cases`` has to do, whatever the case: end by itself, say what is wrong in at most 40 lines without a
frame of ours in it, and leave no ``_SUCCESS`` unless the output is whole.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from bad_cases import MANIFESTS, PLACES, Case
from bad_inputs import INPUTS, ODD_INPUTS, TABLES
from bad_scripts import ODD_SCRIPTS, SCRIPTS

from parallelrun.cli.main import main

MOST_LINES, MOST_CHARACTERS = 40, 4000
MOST_MEMORY = 500 << 20  # bytes
DEADLINE_SECONDS = 60
OURS = re.compile(r"runner-image/|sdk/parallelrun|parallelrun_(agent|worker)/|/cli/main\.py")


@dataclass
class Ended:
    """A command that came to its end."""

    status: int
    out: str
    err: str
    most_memory: int = 0  # bytes, of its largest process


def check(case: Case, folder: Path, ended: Ended) -> None:
    """All that has to hold of every case."""
    shown = f"exit status {ended.status}\n{ended.err}"
    assert ended.status == case.status, shown
    for pattern in case.says:
        said = re.search(pattern, ended.err) is not None
        assert said, f"{pattern!r} is not said:\n{shown}"
    lines = ended.err.splitlines()
    assert len(lines) <= MOST_LINES, f"{len(lines)} lines:\n{shown}"
    assert len(ended.err) <= MOST_CHARACTERS, f"{len(ended.err)} characters:\n{shown[:MOST_CHARACTERS]}"
    assert not OURS.search(ended.err), shown
    assert ended.most_memory < MOST_MEMORY, f"{ended.most_memory >> 20} MiB:\n{shown}"
    assert "defect of parallelrun" not in ended.err, shown
    if "Traceback" in ended.err:
        assert re.search(r'File ".*script\.py", line', ended.err), f"a traceback that is not the user's:\n{shown}"
    marks = [str(path) for path in folder.rglob("_SUCCESS*")]
    if case.status:
        assert not marks, shown
    else:
        assert marks == [str(folder / "out" / "_SUCCESS")]
        check_output(case, folder / "out" / "parallel_run_step.txt")


def check_output(case: Case, path: Path) -> None:
    if case.output is not None:
        expected = case.output if isinstance(case.output, bytes) else case.output.encode()
        found = path.read_bytes()
        if case.unordered:
            found, expected = (b"".join(sorted(text.splitlines(keepends=True))) for text in (found, expected))
        assert found == expected


@pytest.mark.parametrize("case", [*MANIFESTS, *PLACES], ids=lambda case: case.name)
def test_nothing_is_started(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistake that can be seen in the manifest, or by looking where it points, leaves no run behind."""
    words = case.write(tmp_path)
    before, servers = sorted(tmp_path.rglob("*")), children()  # of other tests, for all that come
    monkeypatch.chdir(tmp_path)
    status = main(words)
    out, err = capfd.readouterr()
    check(case, tmp_path, Ended(status, out, err))
    assert out == ""
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
    assert children() <= servers, "a process was left behind"


def children() -> set[str]:
    """Numbers and command lines of this process's children."""
    pids = (pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split())
    return {f"{pid} " + Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids}


# --- real runs: two at a time, in the order of the tests --------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Path, Future[Ended]]]]:
    """The runs of the chosen tests by name of their case."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [
        item.callspec.params["case"]
        for item in items
        if item.originalname == test_a_run_says_what_is_wrong.__name__ and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(2) as pool:
        started = {}
        for case in cases:
            folder = tmp_path_factory.mktemp(case.name)
            started[case.name] = (folder, pool.submit(run, case, folder))
        yield started
        pool.shutdown(cancel_futures=True)


@pytest.mark.engine
@pytest.mark.timeout(3 * DEADLINE_SECONDS)
@pytest.mark.parametrize("case", [*INPUTS, *TABLES, *SCRIPTS, *ODD_INPUTS, *ODD_SCRIPTS], ids=lambda case: case.name)
def test_a_run_says_what_is_wrong(case: Case, runs: dict[str, tuple[Path, Future[Ended]]]) -> None:
    folder, future = runs[case.name]
    check(case, folder, future.result())


def run(case: Case, folder: Path) -> Ended:
    """Run the case in a process of its own, to its end."""
    command = [sys.executable, "-m", "parallelrun.cli.main", *case.write(folder)]
    environment = {name: value.replace("{here}", str(folder)) for name, value in case.environment.items()}
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    status, most_memory = _end(process, err)
    return Ended(status, out.read_text(errors="surrogateescape"), err.read_text(), most_memory)


def _end(process: subprocess.Popen[bytes], err: Path) -> tuple[int, int]:
    """Wait for the end; exit status, and the bytes of the largest process among it and those that it waited for."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss * 1024
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AssertionError(f"the run hangs:\n{err.read_text()}")
        time.sleep(0.01)


@pytest.mark.engine
def test_a_folder_on_a_read_only_volume_is_refused_by_name(tmp_path: Path) -> None:
    words = ("run", "{here}/job.yaml", "--output", "{here}/volume/out")
    case = Case("a-read-only-volume", 2, (r"volume/out", "Read-only file system", "--output"), words=words)
    volume = tmp_path / "volume"
    volume.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(volume)], capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    try:
        check(case, tmp_path, run(case, tmp_path))
    finally:
        subprocess.run(["umount", str(volume)], check=True)
