"""A run's folder: made once, held by one process at a time, never shared between two jobs.

The lock is an flock, which the kernel gives back however its holder dies: a run that was killed can be resumed at
once, and two runs can never write to one folder. A folder counts as a run only when ``settings.json`` is in it, which
is written last; what a preparation that was cut short left behind (its mark tells) is cleared by the next one.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import NoSpace, ParallelRunError, RunFolderError, is_full
from parallelrun.api.settings import JobSettings

RUNS = "runs"
#: Marks a folder whose preparation has begun and not ended: all that is in it is ours, and may be cleared.
_UNFINISHED = ".preparing"


class Lock:
    """The exclusive right to run in a folder, for as long as it is open."""

    def __init__(self, folder: Path) -> None:
        """Take it. Raises RunFolderError that names the process that has it, or says why it cannot be taken."""
        self._path = folder / layout.LOCK
        with explained(folder):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise RunFolderError(
                f"{folder} is in use: process {pid} runs this job.",
                f"Wait for it or stop it (kill -INT {pid}), or choose another folder with --output.",
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Give it back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class explained:  # reads as a verb: "with explained(folder):"
    """Turns an OSError on a run's folder into an error that says what to do."""

    folder: Path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise cannot_write(self.folder, error) from error


def cannot_write(folder: Path, error: OSError) -> ParallelRunError:
    """What to tell the user about an OSError met while writing to a run's folder."""
    if is_full(error):
        return NoSpace(f"{folder} is full ({error.strerror}).", "Make space there, or choose another with --output.")
    path = f": {error.filename}" if error.filename and str(error.filename) != str(folder) else ""
    return RunFolderError(
        f"{folder} cannot be written to ({error.strerror}{path}).", "Choose a folder of your own with --output DIR."
    )


def new(job: str, output: Path | None, now: float | None = None) -> tuple[Path, Lock]:
    """A new run's folder, locked: ``output``, or ``./runs/<job>-<time>``, which is always a new one.

    ``output`` may exist when it is empty, or holds nothing but a preparation that was cut short.
    Raises RunFolderError, also for a folder that has anything else in it, and NoSpace.
    """
    if output is None:
        return _unique(job, now)
    folder = Path(os.path.abspath(output))
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_content(folder)
    lock = Lock(folder)
    try:
        _refuse_content(folder)  # again: only now can nobody else put a run here
        clear(folder)
        write(folder, _UNFINISHED, b"")
    except BaseException:
        lock.close()
        raise
    return folder, lock


def finish(folder: Path, settings: JobSettings) -> None:
    """Make a prepared folder a run's: from here on it can be resumed."""
    write_json(folder, layout.SETTINGS, settings.to_json(), mode=0o600)  # variables may hold what is secret
    unmark(folder)


def unmark(folder: Path) -> None:
    """Say of a new folder that its preparation has ended: from here on nobody clears it."""
    with explained(folder):
        (folder / _UNFINISHED).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove what an unfinished preparation left in a locked folder; the lock stays."""
    with explained(folder):
        for entry in list(folder.iterdir()):
            if entry.name == layout.LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def discard(folder: Path) -> None:
    """Take back a new run's folder after it was refused: nothing has run, and nobody needs it."""
    try:
        (folder / layout.SETTINGS).unlink(missing_ok=True)  # first: what cannot be removed must not pass for a run
        clear(folder)
        (folder / layout.LOCK).unlink()
        folder.rmdir()
    except (OSError, RunFolderError):
        pass  # the error that is on its way says more than this one


def holds_run(folder: Path) -> bool:
    """Whether ``folder`` holds a run whose preparation was finished."""
    return (folder / layout.SETTINGS).is_file()


def looks_like_run(folder: Path) -> bool:
    """Whether parallelrun made this folder, its preparation finished or not."""
    return (folder / layout.LOCK).exists() and (holds_run(folder) or (folder / _UNFINISHED).exists())


def newest(job: str, runs: Path) -> Path:
    """The run of ``job`` in ``runs`` that was begun last. Raises RunFolderError if there is none."""
    found = [path.parent for path in runs.glob(f"{job}-*/{layout.SETTINGS}") if read_settings(path.parent).name == job]
    if not found:
        raise RunFolderError(
            f'There is no run of "{job}" in {os.path.abspath(runs)} to resume.',
            "Name its folder with --output DIR, or leave out --resume to start a new run.",
        )
    return max(found, key=lambda folder: (folder / layout.MANIFEST).stat().st_mtime_ns)


def existing(folder: Path) -> Path:
    """``folder`` as an absolute path, if it holds a run; else RunFolderError."""
    path = Path(os.path.abspath(folder))
    if not holds_run(path):
        what = "does not exist" if not path.exists() else f"is not a run's folder: it has no {layout.SETTINGS}"
        raise RunFolderError(f"{path} {what}.", "Name the folder of a run, for example runs/mnist-20260131-120000.")
    return path


def read_settings(folder: Path) -> JobSettings:
    """A run's settings. Raises RunFolderError if they are not there or not ours."""
    value = read_json(folder, layout.SETTINGS)
    try:
        return JobSettings.from_json(value)
    except (TypeError, KeyError) as error:
        raise RunFolderError(
            f"{folder / layout.SETTINGS} was written by another version of parallelrun ({error}).",
            "Go on with the version that began this run, or start a new one.",
        ) from None


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """One JSON object of a run's folder. Raises RunFolderError if it is missing or damaged."""
    try:
        value = json.loads((folder / name).read_bytes())
    except FileNotFoundError:
        raise RunFolderError(f"{folder} has no {name}: it is not a run's folder, or was not kept whole.") from None
    except OSError as error:
        raise RunFolderError(f"{folder / name} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise RunFolderError(f"{folder / name} is damaged: {error}.", "Start a new run.") from None
    if not isinstance(value, dict):
        raise RunFolderError(f"{folder / name} is damaged: it holds no object.", "Start a new run.")
    return value


def shares(folder: Path) -> dict[str, int] | None:
    """How many mini-batches each node of a run completed, by its name; None while the run has no result.

    Raises RunFolderError for a damaged result.
    """
    if not (folder / layout.RESULT).exists():
        return None
    return {str(node): int(count) for node, count in (read_json(folder, layout.RESULT).get("nodes") or {}).items()}


def write(folder: Path, name: str, data: bytes, mode: int = 0o644) -> None:
    """Put a file in place whole and durable, or not at all. Raises RunFolderError or NoSpace."""
    path = folder / name
    partial = folder / f"{name}.tmp"
    with explained(folder):
        partial.unlink(missing_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)


def write_json(folder: Path, name: str, value: object, mode: int = 0o644) -> None:
    """As :func:`write`, a JSON value; names that are not UTF-8 travel as escaped surrogates."""
    write(folder, name, json.dumps(value, indent=1).encode("ascii") + b"\n", mode)


def reserve(job: str, now: float | None = None) -> Path:
    """A new folder ``./runs/<job>-<time>``, empty. Raises RunFolderError and NoSpace."""
    runs = Path(os.path.abspath(RUNS))
    base = f"{job}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(time.time() if now is None else now))}"
    with explained(runs):
        runs.mkdir(exist_ok=True)
        for number in itertools.count(1):
            folder = runs / (base if number == 1 else f"{base}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    raise AssertionError("unreachable: there is always another number")


def _unique(job: str, now: float | None) -> tuple[Path, Lock]:
    folder = reserve(job, now)
    lock = Lock(folder)
    write(folder, _UNFINISHED, b"")
    return folder, lock


def _refuse_content(folder: Path) -> None:
    if holds_run(folder):
        raise RunFolderError(
            f"{folder} holds a run already.", "Add --resume to go on with it, or choose another folder with --output."
        )
    if not looks_like_run(folder) and any(entry.name != layout.LOCK for entry in folder.iterdir()):
        raise RunFolderError(
            f"{folder} is not empty, and not a run's folder.", "Choose a new or empty folder with --output."
        )
