"""Runs on this machine, and the state of each, live or not.

Everything is read from the run's own folder, so a folder that was copied elsewhere tells the same as the original,
but for being live.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.local import control
from parallelrun.local.endings import exit_code
from parallelrun.local.request import Snapshot
from parallelrun.local.run_folder import holds_run, looks_like_run, read_json, read_settings

RUNS = Path("runs")
PATIENCE = 2.0  # seconds that a run's process is given to have said its last
ENDED = ("Done", "Aborted")


@dataclass(frozen=True)
class State:
    """A run as it is now. Counts that cannot be known, as those of a run that was killed, are None."""

    folder: Path
    name: str  # of the job
    phase: str  # a header's phase, or "Suspended" or "Interrupted" (nothing runs it, and it has not ended)
    reason: str = ""
    message: str = ""
    live: bool = False
    started: float = 0.0  # Unix time at which the folder was made ready
    total: int | None = None  # mini-batches
    completed: int | None = None
    failed: int | None = None
    retried: int | None = None
    items_succeeded: int | None = None
    items_failed: int | None = None
    result: dict[str, Any] = field(default_factory=dict)  # job_result.json

    @property
    def exit_code(self) -> int | None:
        """What `parallelrun run` returned or would return; None while it goes on."""
        return None if self.live else exit_code(self.phase, self.reason)

    def as_json(self) -> dict[str, Any]:
        """For programs; names as in a job's status."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "phase": self.phase,
            "reason": self.reason,
            "message": self.message,
            "live": self.live,
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "miniBatches": {
                "total": self.total,
                "completed": self.completed,
                "failed": self.failed,
                "retried": self.retried,
            },
            "items": {"succeeded": self.items_succeeded, "failed": self.items_failed},
            "outputs": self.result.get("outputs") or {},
            **({"reusedFrom": self.result["reusedFrom"]} if self.result.get("reusedFrom") else {}),
            "result": self.result,
        }


def named(name: str) -> Path:
    """The folder of a run: ``name`` is a folder, one under ./runs, or a job, whose newest run it is then.

    Raises RunFolderError.
    """
    for folder in (Path(name), RUNS / name):
        if folder.exists():
            return checked(folder)
    of_job = [folder for folder in all_runs() if job_of(folder) == name]
    if of_job:
        return max(of_job, key=made)
    raise RunFolderError(
        f"There is no run {name!r}: no such folder, nothing of that name under {RUNS.resolve()}, no run of such a job.",
        "See what is there: parallelrun list",
    )


def all_runs() -> list[Path]:
    """The folders of the runs under ./runs, by name."""
    try:
        return sorted(folder for folder in RUNS.iterdir() if holds_run(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def state(folder: Path) -> State:
    """What ``folder``'s run is doing, or how it ended. Raises RunFolderError for a damaged folder."""
    try:
        return _live_state(folder, control.ask(folder, "status"))
    except control.NotLive:
        return _settled_state(folder)


def _live_state(folder: Path, snapshot: Snapshot) -> State:
    return State(
        folder=folder,
        name=job_of(folder),
        phase="Suspended" if snapshot.suspended else snapshot.phase,
        message=snapshot.stalled,
        live=True,
        started=made(folder),
        total=snapshot.total,
        completed=snapshot.completed,
        failed=snapshot.failed,
        retried=snapshot.retried,
        items_succeeded=snapshot.items_succeeded,
        items_failed=snapshot.items_failed,
    )


def _settled_state(folder: Path) -> State:
    header = read_if_there(folder, layout.HEADER)
    result = read_if_there(folder, layout.RESULT)
    phase = str(header.get("phase") or result.get("phase") or "")
    ended = phase in ENDED and header.get("reason") != "Interrupted"
    batches, items = result.get("miniBatches") or {}, result.get("items") or {}
    return State(
        folder=folder,
        name=job_of(folder),
        phase=phase if ended else "Interrupted",
        reason=str(header.get("reason") or ""),
        message=str(header.get("message") or ""),
        started=made(folder),
        total=batches.get("total", (header.get("plan") or {}).get("total")),
        completed=batches.get("completed"),
        failed=batches.get("failed"),
        retried=batches.get("retried"),
        items_succeeded=items.get("succeeded"),
        items_failed=items.get("failed"),
        result=result,
    )


def settle(folder: Path) -> State:
    """The state of a run whose process has just gone: it may need a moment to have said its last."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = state(folder)
        if now.phase in ENDED or now.live or time.monotonic() > deadline:
            return now
        time.sleep(0.05)


def checked(folder: Path) -> Path:
    """``folder``, which holds a run. Raises RunFolderError that says what it is instead."""
    if not folder.is_dir():
        raise RunFolderError(f"{folder} is a file, not the folder of a run.")
    if holds_run(folder):
        return folder
    if looks_like_run(folder):
        raise RunFolderError(f"{folder}: this run was never started; its preparation was cut short or still goes on.")
    if any(folder.iterdir()):
        raise RunFolderError(
            f"{folder} is not the folder of a run: it has no {layout.SETTINGS}.", "See the runs: parallelrun list"
        )
    raise RunFolderError(f"{folder} is empty: it is not the folder of a run.", "See the runs: parallelrun list")


def read_if_there(folder: Path, name: str) -> dict[str, Any]:
    """One JSON object of a run's folder, empty where there is no such file. Raises RunFolderError for a damaged one."""
    return read_json(folder, name) if (folder / name).exists() else {}


def job_of(folder: Path) -> str:
    """The name of the job that a run is of. Raises RunFolderError."""
    return read_settings(folder).name


def made(folder: Path) -> float:
    """When a run's folder was made ready, as Unix time; 0 where it was not."""
    try:
        return (folder / layout.SETTINGS).stat().st_mtime
    except FileNotFoundError:
        return 0.0
