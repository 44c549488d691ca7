"""What a pipeline's run is asked, tells while it runs, and answers: the seam between commands and the runner.

Nothing here imports anything slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from parallelrun.local.request import Snapshot
from parallelrun.pipelines import states


@dataclass(frozen=True)
class PipelineRequest:
    """One run of a pipeline, as it was asked for; exactly one of manifest and rerun_of is given."""

    manifest: Path | None = None  # a file with a ParallelRunPipeline, or a ParallelRunPipelineRun beside it
    text: str = ""  # what is in it, where there may be no such file; the path then says where relative paths start
    parameters: Mapping[str, Any] = field(default_factory=dict)  # text is read by the parameter's type
    output: Path | None = None  # the run's folder; None: ./runs/<pipeline>-<time>
    maps: dict[str, str] = field(default_factory=dict)  # {"pvc://claim": "/folder"}
    register: list[Path] = field(default_factory=list)  # folders with what is registered by name
    regenerate: bool = False  # nothing is reused
    continue_on_step_failure: bool = False
    resume: bool = False  # go on with the run in `output`, or with the newest one of this pipeline
    rerun_of: Path | None = None  # the folder of a pipeline's run: what failed there is run again, in a new folder


@dataclass(frozen=True)
class StepRecord:
    """One step of a run, as pipeline_result.json has it."""

    name: str
    phase: str = states.WAITING  # one of states.STEP_PHASES
    folder: str = ""  # of the step's own run; "" before it began, and where it never did
    reused_from: str = ""  # the folder of the run whose result was taken over
    start_time: str = ""  # UTC, as 2026-01-31T12:00:00.000Z
    completion_time: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)  # where each output is; output and file: the job's own
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """Names as in a ParallelRunPipelineRun's status; what is empty is left out."""
        value = {
            "name": self.name,
            "phase": self.phase,
            "folder": self.folder,
            "reusedFrom": self.reused_from,
            "startTime": self.start_time,
            "completionTime": self.completion_time,
            "outputs": dict(self.outputs),
            "message": self.message,
        }
        return {key: item for key, item in value.items() if item}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> StepRecord:
        """The inverse of :meth:`as_json`."""
        return StepRecord(
            name=str(value["name"]),
            phase=str(value.get("phase", states.WAITING)),
            folder=str(value.get("folder", "")),
            reused_from=str(value.get("reusedFrom", "")),
            start_time=str(value.get("startTime", "")),
            completion_time=str(value.get("completionTime", "")),
            outputs={str(name): str(place) for name, place in (value.get("outputs") or {}).items()},
            message=str(value.get("message", "")),
        )


@dataclass(frozen=True)
class PipelineOutcome:
    """How a pipeline's run ended."""

    folder: Path
    phase: str  # Succeeded, Failed or Cancelled; Running where it was interrupted
    message: str = ""
    steps: tuple[StepRecord, ...] = ()
    interrupted: bool = False


class PipelineListener(Protocol):
    """Who is told about a pipeline's run. Calls come from the runner's own thread and must return at once."""

    def started(self, folder: Path) -> None:
        """The run's folder exists."""

    def step(self, record: StepRecord) -> None:
        """A step's phase is another one now."""

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """How far a step is; a few times a second."""

    def message(self, text: str) -> None:
        """A remark for people."""
