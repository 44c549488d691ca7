"""A run's folder is new, or resumed, or refused; and one process has it at a time."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import NoSpace, RunFolderError
from parallelrun.api.settings import JobSettings
from parallelrun.local import run_folder

SETTINGS = JobSettings(name="mnist", uid="u", entry_script="s.py", inputs=[])


def test_the_default_folder_is_named_by_job_and_time_and_never_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = []
    for _ in range(3):
        folder, lock = run_folder.new("mnist", None, now=0.0)
        folders.append(folder.name)
        lock.close()
    assert folders[0].startswith("mnist-19")
    assert folders[1:] == [f"{folders[0]}-2", f"{folders[0]}-3"]


def test_a_run_is_there_only_once_its_settings_are(tmp_path: Path) -> None:
    folder, lock = run_folder.new("mnist", tmp_path / "run")
    assert run_folder.looks_like_run(folder)
    assert not run_folder.holds_run(folder)
    run_folder.finish(folder, SETTINGS)
    lock.close()
    assert run_folder.existing(folder) == folder
    assert run_folder.read_settings(folder) == SETTINGS
    assert sorted(os.listdir(folder)) == [layout.LOCK, layout.SETTINGS]
    assert (folder / layout.SETTINGS).stat().st_mode & 0o077 == 0  # variables in it may be secret


def test_what_a_killed_preparation_left_is_cleared(tmp_path: Path) -> None:
    folder, lock = run_folder.new("mnist", tmp_path / "run")
    (folder / layout.SOURCE).mkdir()
    (folder / layout.SOURCE / "half.py").write_text("x")
    (folder / "link").symlink_to(tmp_path)
    lock.close()
    again, lock = run_folder.new("mnist", tmp_path / "run")
    lock.close()
    assert not (again / layout.SOURCE).exists()
    assert not (again / "link").exists()
    assert tmp_path.exists()


def test_a_folder_with_a_run_or_with_anything_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder, lock = run_folder.new("mnist", tmp_path / "run")
    run_folder.finish(folder, SETTINGS)
    lock.close()
    with pytest.raises(RunFolderError, match=r"holds a run already(.|\n)*--resume"):
        run_folder.new("mnist", folder)
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match="is not empty, and not a run's folder"):
        run_folder.new("mnist", tmp_path)
    assert (tmp_path / "thesis.tex").exists()
    assert not (tmp_path / layout.LOCK).exists()


def test_a_second_run_on_the_same_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with run_folder.Lock(tmp_path), pytest.raises(RunFolderError, match=rf"process {os.getpid()} runs this job"):
        run_folder.Lock(tmp_path)
    run_folder.Lock(tmp_path).close()


def test_the_lock_of_a_killed_process_is_free_at_once_even_if_its_child_lives(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, pathlib; from parallelrun.local.run_folder import Lock\n"
        "lock = Lock(pathlib.Path(sys.argv[1])); child = subprocess.Popen(['sleep', '60'])\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(RunFolderError, match=f"process {holder.pid} runs"):
            run_folder.Lock(tmp_path)
        holder.kill()
        holder.wait()
        run_folder.Lock(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdin.close()
        holder.stdout.close()


@pytest.mark.parametrize("output", ["file/run", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot be written to(.|\n)*--output DIR"):
        run_folder.new("mnist", tmp_path / output)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EROFS, RunFolderError, "/r cannot be written to .Read-only file system: /r/x"),
        (errno.EACCES, RunFolderError, "/r cannot be written to .Permission denied"),
        (errno.ENOSPC, NoSpace, "/r is full"),
        (errno.EDQUOT, NoSpace, "/r is full"),
    ],
)
def test_errors_of_the_file_system_say_which_folder_and_why(code: int, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words), run_folder.explained(Path("/r")):
        raise OSError(code, os.strerror(code), "/r/x")


@pytest.mark.parametrize(
    ("content", "words"),
    [("[]", "holds no object"), ("{", "is damaged"), ('{"nonsense": 1}', "another version"), (None, "has no settings")],
)
def test_damaged_settings_are_named(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / layout.SETTINGS).write_text(content)
    with pytest.raises(RunFolderError, match=words):
        run_folder.read_settings(tmp_path)


def test_only_a_run_s_folder_can_be_opened_again(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nothere does not exist"):
        run_folder.existing(tmp_path / "nothere")
    with pytest.raises(RunFolderError, match="is not a run's folder"):
        run_folder.existing(tmp_path)


def test_the_newest_run_of_a_job_is_the_one_begun_last(tmp_path: Path) -> None:
    for number, (folder, job) in enumerate([("mnist-b", "mnist"), ("mnist-a", "mnist"), ("mnist-c", "mnist-c")]):
        (tmp_path / folder).mkdir()
        run_folder.write(tmp_path / folder, layout.MANIFEST, b"")
        os.utime(tmp_path / folder / layout.MANIFEST, ns=(0, number))
        settings = JobSettings(name=job, uid="u", entry_script="s.py", inputs=[])
        run_folder.write_json(tmp_path / folder, layout.SETTINGS, settings.to_json())
    assert run_folder.newest("mnist", tmp_path) == tmp_path / "mnist-a"
    with pytest.raises(RunFolderError, match='no run of "iris"'):
        run_folder.newest("iris", tmp_path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    run_folder.write(tmp_path, "x", b"old")
    (tmp_path / "x.tmp").write_bytes(b"torn")
    run_folder.write(tmp_path, "x", b"new")
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"new"
