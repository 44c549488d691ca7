"""Starts runs on this machine, each in a process of its own that outlives this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parallelrun.client import run_in_background
from parallelrun.client.background import Background
from parallelrun.client.local_run import LocalRun
from parallelrun.local import run_folder

if TYPE_CHECKING:
    from parallelrun.local.request import RunRequest


def start(request: RunRequest, job: str) -> LocalRun:
    """Start what ``request`` says, for the job of that name. Raises RunFolderError and NoSpace."""
    folder = request.output
    if folder is None:  # known before the process has begun
        folder = run_folder.reserve(job)
        request = replace(request, output=folder)
    process = Background(run_in_background.__name__, request.to_json())
    return LocalRun(folder, job, process)
