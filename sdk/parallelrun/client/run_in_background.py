"""The process of a run that Python code started: a request on stdin, events on stdout. See ``background``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from parallelrun.api.errors import ParallelRunError
from parallelrun.client.background import tell, tell_error
from parallelrun.local.request import RunRequest, Snapshot

#: Fields of a request that are paths, and those that are lists of paths.
_PATHS = {"manifest", "output", "source", "rerun_of"}
_LISTS = {"register", "reuse_of"}


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


def as_json(request: RunRequest) -> dict[str, Any]:
    """``request`` for stdin, without what is a default."""
    value: dict[str, Any] = {key: one for key, one in vars(request).items() if one}
    for key in _PATHS & value.keys():
        value[key] = str(value[key])
    for key in _LISTS & value.keys():
        value[key] = [str(path) for path in value[key]]
    return value


def from_json(value: dict[str, Any]) -> RunRequest:
    """The inverse of :func:`as_json`."""
    paths = {key: Path(value[key]) for key in _PATHS & value.keys()}
    lists = {key: [Path(path) for path in value[key]] for key in _LISTS & value.keys()}
    return RunRequest(**{**value, **paths, **lists})


def main() -> int:
    """Run what stdin says."""
    from parallelrun.local.run import run

    try:
        outcome = run(from_json(json.load(sys.stdin)), _Teller())
    except ParallelRunError as error:
        tell_error(error)
        return 1
    except KeyboardInterrupt:
        return 130
    tell("ended", phase=outcome.phase, reason=outcome.reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
