"""The worker host as this agent's child: how it is started on one machine (in a pod it is a container of its own)."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import parallelrun_worker

#: Wait at least so long between two starts.
RESTART_SECONDS = 0.5


class HostProcess:
    """Started at once, so that its interpreter is up when the plan is; started again when it died."""

    def __init__(self, python: str, meeting: Path, log_file: Path) -> None:
        self._command = [python, str(Path(parallelrun_worker.__file__).parent / "host.py"), str(meeting)]
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self.revive()

    @property
    def pid(self) -> int:
        """Of the newest host."""
        return self._process.pid if self._process else 0

    def revive(self) -> None:
        """Start a host unless one is running or one was started just now."""
        if self._process is not None and self._process.poll() is None:
            return
        if time.monotonic() - self._started < RESTART_SECONDS:
            return
        self._started = time.monotonic()
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, seconds: float) -> None:
        """Give it time to leave by itself, then kill it; its processes die with it."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
