"""What is done to a run on this machine, of a job or of a pipeline, by its control socket or by its process."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from parallelrun.api.errors import ParallelRunError, RunFolderError
from parallelrun.client.background import Background
from parallelrun.local import control

#: Seconds between two looks at a run, and for a process to hear or end.
EVERY, AT_ONCE = 0.3, 10.0


class Stage(Protocol):
    """As much of a run's status as this needs."""

    @property
    def phase(self) -> str:
        """A phase of jobs or pipelines."""

    @property
    def over(self) -> bool:
        """Whether it does not go on."""


class LocalSteering(ABC):
    """Of the run in ``_folder``; ``_process`` runs it, where this process has started it."""

    _folder: Path
    _process: Background | None

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the run, as messages call it."""

    @abstractmethod
    def status(self) -> Stage:
        """How it is now."""

    @abstractmethod
    def _again(self) -> Background | None:
        """Start a process that goes on with an interrupted run."""

    def cancel(self) -> None:
        """Stop it for good."""
        deadline = time.monotonic() + AT_ONCE
        while True:
            try:
                control.ask(self._folder, "cancel")
                return
            except control.NotLive:
                status = self.status()
                if status.over:
                    raise RunFolderError(f"{self.name} is over: its phase is {status.phase}.") from None
            if self._process is not None and not self._process.event("started"):
                os.kill(self._process.pid, signal.SIGINT)  # nothing has run yet: preparing cleans up after itself
                self._process.join(AT_ONCE)
                return
            if time.monotonic() > deadline:
                raise RunFolderError(f"{self._folder}: the run does not answer.")
            time.sleep(EVERY / 10)

    def suspend(self) -> None:
        """Pause it."""
        control.ask(self._folder, "suspend")

    def resume(self) -> None:
        """Let it go on."""
        try:
            control.ask(self._folder, "resume")
        except control.NotLive:
            status = self.status()
            if status.phase != "Interrupted":
                raise RunFolderError(f"{self.name} cannot go on: its phase is {status.phase}.") from None
            self._process = self._again()

    def _error(self) -> ParallelRunError | None:
        return None if self._process is None else self._process.error()
