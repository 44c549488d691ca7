"""The process of a run that Python code started: a request on stdin, events on stdout. See ``background``."""

from __future__ import annotations

import sys
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import ParallelRunError
from parallelrun.client.background import receive, tell, tell_error
from parallelrun.local.request import RunRequest, Snapshot


class _Teller:
    """Tells where the run is, and remarks; progress is asked for at the run's own socket."""

    def started(self, folder: Path) -> None:
        """The run's folder is ready."""
        tell("started", folder=str(folder))

    def progress(self, snapshot: Snapshot) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """A remark for people."""
        tell("message", text=text)


def main() -> int:
    """Run what stdin says."""
    from parallelrun.local.run import run

    request = RunRequest.from_json(receive())
    try:
        outcome = run(request, _Teller())
    except ParallelRunError as error:
        tell_error(error, request.output)
        return exit_codes.JOB_FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    tell("ended", phase=outcome.phase, reason=outcome.reason)
    return exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main())
