"""The process of a pipeline's run that Python code started: a request on stdin, events on stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from parallelrun.api import exit_codes
from parallelrun.api.errors import ParallelRunError
from parallelrun.client.background import receive, tell, tell_error
from parallelrun.local.pipelines.request import PipelineRequest, StepRecord
from parallelrun.local.request import Snapshot

_PATHS = {"manifest", "output", "rerun_of"}


class _Teller:
    """Tells where the run is, and remarks; what becomes of steps is in the run's folder."""

    def started(self, folder: Path) -> None:
        """The run's folder is ready."""
        tell("started", folder=str(folder))

    def step(self, record: StepRecord) -> None:
        """Nothing."""

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """A remark for people."""
        tell("message", text=text)


def as_json(request: PipelineRequest) -> dict[str, Any]:
    """``request`` for stdin, without what is a default."""
    value: dict[str, Any] = {key: one for key, one in vars(request).items() if one}
    for key in _PATHS & value.keys():
        value[key] = str(value[key])
    return {**value, "register": [str(path) for path in request.register]}


def from_json(value: dict[str, Any]) -> PipelineRequest:
    """The inverse of :func:`as_json`."""
    paths = {key: Path(value[key]) for key in _PATHS & value.keys()}
    return PipelineRequest(**{**value, **paths, "register": [Path(path) for path in value["register"]]})


def main() -> int:
    """Run what stdin says."""
    from parallelrun.local.pipelines.run import run

    request = from_json(receive())
    try:
        outcome = run(request, _Teller())
    except ParallelRunError as error:
        tell_error(error, request.output)
        return exit_codes.JOB_FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    tell("ended", phase=outcome.phase, reason="")
    return exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main())
