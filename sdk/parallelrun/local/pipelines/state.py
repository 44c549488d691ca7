"""Runs of pipelines on this machine, and the state of each, live or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import RunFolderError
from parallelrun.local import control, run_folder, runs
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines import steps
from parallelrun.local.pipelines.request import StepRecord
from parallelrun.pipelines import states

INTERRUPTED = "Interrupted"
_EXIT_CODES = {states.SUCCEEDED: 0, states.FAILED: 1, states.CANCELLED: 1, INTERRUPTED: 130}


@dataclass(frozen=True)
class PipelineState:
    """A pipeline's run as it is now."""

    folder: Path
    name: str  # of the pipeline
    phase: str  # one of states.RUN_PHASES, or Interrupted: nothing runs it, and it has not ended
    message: str
    live: bool
    started: float  # Unix time
    parameters: dict[str, Any]
    steps: tuple[StepRecord, ...]

    @property
    def exit_code(self) -> int | None:
        """What `parallelrun run` returned or would return; None while it goes on."""
        return None if self.live else _EXIT_CODES.get(self.phase)

    @property
    def progress(self) -> str:
        """Steps that ended of all."""
        return f"{sum(record.phase in states.ENDED for record in self.steps)}/{len(self.steps)}"

    @property
    def failed(self) -> int:
        """How many steps failed."""
        return sum(record.phase == states.FAILED for record in self.steps)

    def as_json(self) -> dict[str, Any]:
        """For programs: pipeline_result.json, with folder and whether it is live."""
        place = {"name": self.name, "folder": str(self.folder), "live": self.live}
        return {**folders.read_result(self.folder), **place, "phase": self.phase}

    def step_folder(self, step: str) -> Path:
        """The folder of a step's own run; of one that was taken over, the origin's. Raises RunFolderError."""
        record = next((one for one in self.steps if one.name == step), None)
        if record is None:
            known = hints.known("step", step, [one.name for one in self.steps])
            raise RunFolderError(f"{self.folder}: this pipeline has no step {step}.", known)
        for place in (Path(record.reused_from or self.folder), folders.step(self.folder, step)):
            if run_folder.holds_run(place):
                return place
        why = record.message or "it has not begun"
        raise RunFolderError(f"{self.folder}: step {step} left nothing, its phase is {record.phase}: {why}")


def state(folder: Path) -> PipelineState:
    """What ``folder``'s run is doing, or how it ended. Raises RunFolderError for a damaged folder."""
    live = control.is_live(folder)
    result = folders.read_result(folder)
    phase = str(result.get("phase", ""))
    over = phase in (states.SUCCEEDED, states.FAILED, states.CANCELLED)
    return PipelineState(
        folder=folder,
        name=str(result.get("pipeline", "")),
        phase=phase if live or over else INTERRUPTED,
        message=str(result.get("message", "")),
        live=live and not over,
        started=folders.begun(folder),
        parameters=dict(result.get("parameters") or {}),
        steps=tuple(steps.records(result)),
    )


def with_progress(one: PipelineState) -> PipelineState:
    """``one``, each step that runs with how far it is as its message."""
    return replace(one, steps=tuple(_told(record) for record in one.steps))


def _told(record: StepRecord) -> StepRecord:
    if record.phase != states.RUNNING or not record.folder:
        return record
    try:
        snapshot = control.ask(Path(record.folder), "status")
    except RunFolderError:
        return record
    if snapshot.total is None or snapshot.total == 1:
        return record
    return replace(record, message=f"{snapshot.completed} of {snapshot.total} mini-batches")


def named(name: str | None) -> Path | None:
    """The folder of a pipeline's run that ``name`` means: a folder, one under ./runs, or a pipeline, whose newest run
    it is then; None: the newest of all runs. None where that is no pipeline's."""
    if name is None:
        newest = max(folders.all_in(runs.RUNS), key=folders.begun, default=None)
        of_jobs = max((runs.made(one) for one in runs.all_runs()), default=0.0)
        return newest if newest is not None and folders.begun(newest) >= of_jobs else None
    for folder in (Path(name), runs.RUNS / name):
        if folder.exists():
            return folder if folders.holds_pipeline(folder) else None
    found = folders.earlier(name, [runs.RUNS])
    of_jobs = max((runs.made(one) for one in runs.all_runs() if runs.job_of(one) == name), default=0.0)
    return found[0] if found and folders.begun(found[0]) >= of_jobs else None
