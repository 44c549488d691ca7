"""Runs on this machine, found by what was typed: a folder, a name under ./runs, or a job's name."""

from __future__ import annotations

from pathlib import Path

from parallelrun.api.errors import RunFolderError
from parallelrun.cli.terminal import tell
from parallelrun.local.pipelines import folder
from parallelrun.local.runs import ENDED, RUNS, State, all_runs, made, named, read_if_there, settle, state

__all__ = ["ENDED", "RUNS", "State", "all_runs", "find", "read_if_there", "settle", "state"]


def find(name: str | None) -> Path:
    """The folder of a run: ``name`` is a folder, one under ./runs, or a job; None is the newest run under ./runs.

    Raises RunFolderError.
    """
    if name is None:
        newest = max(all_runs(), key=made, default=None)
        if newest is None:
            raise RunFolderError(f"There is no run under {RUNS.resolve()}.", "Name the folder of a run.")
        tell(f"run: {newest}")
        return newest
    _refuse_pipeline(name)
    return named(name)


def _refuse_pipeline(name: str) -> None:
    for place in (Path(name), RUNS / name):
        if folder.holds_pipeline(place):
            steps = sorted(one.name for one in (place / folder.STEPS).iterdir() if one.is_dir())
            hint = f"Name the run of a step: {place / folder.STEPS}/{'|'.join(steps)}"
            raise RunFolderError(f"{place} is the run of a pipeline.", hint)
