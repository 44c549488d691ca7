"""A volume that fills up, while mini-batches run and while the output is merged, and one that cannot be written to.

On a real tmpfs of a few megabytes: the job pauses and says so, goes on when there is space, and loses nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import Job, Run, kill_what_is_left, make_job, output_of

pytestmark = pytest.mark.engine

MEGABYTE = 1 << 20
LINES_EACH, LINE = 40, "x" * 500  # 20 KB a mini-batch
SCRIPT = f"""\
def init():
    pass


def run(mini_batch):
    return ["{LINE}"] * {LINES_EACH}
"""
MINI_BATCHES = 100


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test that failed leaves no run behind, on a volume that is about to go."""
    yield
    kill_what_is_left()


@pytest.fixture
def volume(tmp_path: Path, nothing_left: None) -> Iterator[Path]:
    """8 MB, of its own."""
    folder = tmp_path / "volume"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], capture_output=True, text=True)
    if done.returncode != 0:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"cannot mount a tmpfs: {done.stderr}")
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    yield folder
    kill_what_is_left()
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """2 MB of output; every item a mini-batch, more lines than items."""
    made = make_job(tmp_path / "site", "file", nodes=1, processes=2, mini_batches=MINI_BATCHES)
    (made.folder / "job" / "code" / "script.py").write_text(SCRIPT)
    made.expected = f"{LINE}\n".encode() * (LINES_EACH * MINI_BATCHES)
    return made


def ballast(volume: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    free = os.statvfs(volume)
    path = volume / "ballast"
    with path.open("wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize - leave))
    return path


@pytest.mark.parametrize(
    ("leave", "where"),
    [(MEGABYTE, "segments"), (3 * MEGABYTE, "parallel_run_step.txt")],
    ids=["while mini-batches run", "during the merge"],
)
def test_a_full_volume_pauses_the_job_which_goes_on_when_there_is_space(
    volume: Path, job: Job, leave: int, where: str
) -> None:
    in_the_way = ballast(volume, leave)
    run = Run(job, volume / "run", 0.0)
    assert run.wait_for(lambda: "aused" in run.text(), "the message that the job pauses"), run.text()
    assert where in run.text(), "the message does not name the place"
    assert run.process.poll() is None
    in_the_way.unlink()
    assert run.end() == 0, run.text()
    assert output_of(run) == job.expected


def test_a_run_that_was_killed_on_a_full_volume_is_resumed_without_a_loss(volume: Path, job: Job) -> None:
    in_the_way = ballast(volume, MEGABYTE)
    run = Run(job, volume / "run", 0.0)
    assert run.wait_for(lambda: "aused" in run.text(), "the message that the job pauses"), run.text()
    run.kill_everything()
    in_the_way.unlink()
    again = Run(job, run.output, 0.0, resume=True)
    assert again.end() == 0, again.text()
    assert output_of(again) == job.expected


def test_a_read_only_volume_is_refused_before_anything_starts(volume: Path, job: Job) -> None:
    subprocess.run(["mount", "-o", "remount,ro", volume], check=True)
    run = Run(job, volume / "run", 0.0)
    assert run.end() == 2, run.text()
    said = run.log.read_text()
    assert "volume" in said
    assert "Read-only file system" in said
    assert "Traceback" not in said
    subprocess.run(["mount", "-o", "remount,rw", volume], check=True)


def test_a_run_whose_folder_is_removed_ends_and_says_so(tmp_path: Path, job: Job) -> None:
    (job.folder / "job" / "code" / "script.py").write_text(
        SCRIPT.replace("    return", "    time.sleep(0.2)\n    return")
    )
    script = job.folder / "job" / "code" / "script.py"
    script.write_text("import time\n\n\n" + script.read_text())
    run = Run(job, tmp_path / "run", 0.0)
    assert run.wait_for(lambda: len(list((run.output / "segments").glob("*.idx"))) == 2, "work that has begun")
    run.output.rename(tmp_path / "elsewhere")
    assert run.end() == 1, run.text()
    assert "was removed" in run.log.read_text()
