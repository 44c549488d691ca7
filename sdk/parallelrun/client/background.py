"""A process that goes on when ours ends or is interrupted: how it is started, and what it has told so far.

It gets one JSON object on stdin and writes JSON lines into memory that both have open: no pipe breaks where its reader
goes away, and nothing is left on the disk.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from parallelrun.api import errors, exit_codes
from parallelrun.api.errors import ParallelRunError

#: Set by Jupyter for its own process; a script's process may have another interpreter, without that backend.
_OF_THE_NOTEBOOK = {"MPLBACKEND": "module://"}
#: Bytes of what a process said that ended without a word of ours.
_TAIL = 4000


class Background:
    """``python -m <module>`` with ``request`` on its stdin, in a session of its own: no Ctrl-C of ours reaches it."""

    def __init__(self, module: str, request: dict[str, Any]) -> None:
        """Start it; returns at once. Raises OSError."""
        self._events = os.memfd_create("events", os.MFD_CLOEXEC)
        self._said = os.memfd_create("said", os.MFD_CLOEXEC)
        self._read = 0
        self._rest = b""
        self._over = False
        self._taking = threading.Lock()
        self.events: list[dict[str, Any]] = []
        environment = {
            key: value for key, value in os.environ.items() if not value.startswith(_OF_THE_NOTEBOOK.get(key, "\0"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=self._events,
            stderr=self._said,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(json.dumps(request).encode())

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def join(self, seconds: float) -> bool:
        """Wait for its end, so long at most; whether it has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def event(self, kind: str) -> dict[str, Any] | None:
        """The first event of that ``type`` that it told; None: none so far."""
        self._take()
        return next((event for event in self.events if event["type"] == kind), None)

    def error(self) -> ParallelRunError | None:
        """What it could not begin or go on for; None where it goes on, ended in order, or was killed once begun."""
        event = self.event("error")
        if event is None:
            return ParallelRunError(self.died) if self.died and not self.event("started") else None
        kind = getattr(errors, event["class"], ParallelRunError)
        error: ParallelRunError = kind(event["message"], event["hint"])
        return error

    @property
    def refused(self) -> bool:
        """Whether its run never began: what its folder holds is another's."""
        return self.event("error") is not None and self.event("started") is None

    @property
    def died(self) -> str:
        """How it ended without a word; "" where it did not."""
        event = self.event("died")
        return "" if event is None else str(event["message"])

    def _take(self) -> None:
        """Read what is new; what it did not say itself is said for it when it has ended."""
        with self._taking:  # a notebook's live view asks from a thread of its own
            if not self._over:
                self._take_new()

    def _take_new(self) -> None:
        ended = not self.alive  # asked first: what it said last is read then
        while data := os.pread(self._events, 1 << 16, self._read):
            self._read += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.events += map(json.loads, lines)
        if ended:
            if not any(event["type"] in ("ended", "error") for event in self.events):
                self.events.append({"type": "died", "message": self._how_it_died()})
            self._over = True
            os.close(self._events)
            os.close(self._said)

    def _how_it_died(self) -> str:
        size = os.fstat(self._said).st_size
        said = os.pread(self._said, _TAIL, max(size - _TAIL, 0)).decode("utf-8", "backslashreplace").strip()
        status = self._process.returncode
        if status == exit_codes.INTERRUPTED:
            return "The run was interrupted."
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"The process of the run {how}.\n{said}".strip()


def tell(kind: str, **values: Any) -> None:
    """Of the process itself: one event."""
    print(json.dumps({"type": kind, **values}, default=str), file=_events(), flush=True)


@functools.cache
def _events() -> TextIO:
    """What was stdout; from then on what anybody else prints there is no event."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return events


def receive() -> dict[str, Any]:
    """Of the process itself: what it was asked."""
    _events()
    value: dict[str, Any] = json.load(sys.stdin)
    return value


def tell_error(error: ParallelRunError, folder: Path | None) -> None:
    """Of the process itself: why it does not go on. The run's ``folder``, where nothing is in it, is removed."""
    if folder is not None:
        with contextlib.suppress(OSError):  # there is something in it, or it is gone already
            folder.rmdir()
    tell("error", **{"class": type(error).__name__, "message": error.message, "hint": error.hint})
