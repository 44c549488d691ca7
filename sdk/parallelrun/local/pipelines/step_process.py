"""The process of one step: a request on stdin, events on stdout, one JSON object a line.

Each step has a process of its own, since a run handles signals, of which a process has one set. When its parent is
gone, stdin ends: the step then does as on Ctrl-C, and what is finished is sealed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from parallelrun.api import exit_codes
from parallelrun.api.errors import ParallelRunError
from parallelrun.local.request import RunRequest, Snapshot


class _Teller:
    """A run's listener: each call is a line on stdout."""

    def started(self, folder: Path) -> None:
        """The step's folder is ready."""
        _tell("started", folder=str(folder))

    def progress(self, snapshot: Snapshot) -> None:
        """How far it is."""
        _tell("progress", snapshot=dataclasses.asdict(snapshot))

    def message(self, text: str) -> None:
        """A remark for people."""
        _tell("message", text=text)


def _tell(kind: str, **fields: Any) -> None:
    try:
        print(json.dumps({"type": kind, **fields}, default=str), flush=True)
    except BrokenPipeError:  # the parent is gone, which stdin tells as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGINT)


def main() -> int:
    """Run what stdin says."""
    request = RunRequest.from_json(json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    from parallelrun.local.run import run

    try:
        outcome = run(request, _Teller())
    except ParallelRunError as error:
        _tell("error", message=error.message, hint=error.hint)
        return exit_codes.JOB_FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    _tell("ended", phase=outcome.phase, reason=outcome.reason, message=outcome.message)
    return exit_codes.DONE


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the thread that reads stdin holds it for as long as the parent lives
