"""Runs on this machine, found by what was typed: a folder, a name under ./runs, or a job's name."""

from __future__ import annotations

from pathlib import Path

from parallelrun.api.errors import RunFolderError
from parallelrun.cli.terminal import tell
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
    return named(name)
