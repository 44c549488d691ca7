"""The process of one step: a request on stdin, events on stdout, one JSON object a line.

Each step has a process of its own, since a run handles signals, of which a process has one set. When its parent is
gone, stdin ends: the step then does as on Ctrl-C, and what is finished is sealed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from parallelrun.api import exit_codes
from parallelrun.api.errors import ParallelRunError
from parallelrun.local.request import RunRequest, Snapshot


class _Teller:
    """A run's listener: each call is a line of events."""

    def __init__(self, events: TextIO) -> None:
        self._events = events

    def started(self, folder: Path) -> None:
        """The step's folder is ready."""
        self.tell("started", folder=str(folder))

    def progress(self, snapshot: Snapshot) -> None:
        """How far it is."""
        self.tell("progress", snapshot=dataclasses.asdict(snapshot))

    def message(self, text: str) -> None:
        """A remark for people."""
        self.tell("message", text=text)

    def tell(self, kind: str, **fields: Any) -> None:
        """One event."""
        # Where the parent is gone there is nobody to tell, which stdin says as well.
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"type": kind, **fields}, default=str), file=self._events, flush=True)


def _stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGINT)


def main() -> int:
    """Run what stdin says."""
    request = RunRequest.from_json(json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    teller = _Teller(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anybody else prints is no event
    from parallelrun.local.run import run

    try:
        outcome = run(request, teller)
    except ParallelRunError as error:
        teller.tell("error", message=error.message, hint=error.hint)
        return exit_codes.JOB_FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    teller.tell("ended", phase=outcome.phase, reason=outcome.reason, message=outcome.message)
    return exit_codes.DONE


if __name__ == "__main__":
    code = main()
    os._exit(code)  # the thread that reads stdin holds it for as long as the parent lives
