"""A pipeline's run on this machine, by its folder: begun by this process, by another, or long ago."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from parallelrun.client import pipeline_in_background
from parallelrun.client.background import Background
from parallelrun.client.local_run import LocalRun
from parallelrun.client.local_steering import EVERY, LocalSteering
from parallelrun.client.pipeline_run import PipelineRun, PipelineStatus, StepRun
from parallelrun.local import control, run_folder, runs
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines.request import PipelineRequest, StepRecord

_ENDED = ("Succeeded", "Failed", "Cancelled")
_PROCESSES: dict[Path, Background] = {}


class LocalPipelineRun(LocalSteering, PipelineRun):
    """See :class:`parallelrun.client.pipeline_run.PipelineRun`."""

    where = "local"

    def __init__(self, folder: Path, pipeline: str | None = None, process: Background | None = None) -> None:
        """``process`` runs it, where this process has started it."""
        self._folder = Path(os.path.abspath(folder))
        self._pipeline = str(folders.read_result(self._folder).get("pipeline")) if pipeline is None else pipeline
        if process is not None:
            _PROCESSES[self._folder] = process
        known = process or _PROCESSES.get(self._folder)
        self._process = None if process is None and known is not None and known.refused else known

    def __repr__(self) -> str:
        return f"<PipelineRun {self._pipeline}: {self.phase}, {self._folder}>"

    @property
    def name(self) -> str:
        """That of its folder."""
        return self._folder.name

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self._pipeline

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    def status(self) -> PipelineStatus:
        """How it is now."""
        if error := self._error():
            return PipelineStatus("Failed", error.message)
        if not folders.holds_pipeline(self._folder):
            if self._process is None or not self._process.alive:
                folders.existing(self._folder)
            return PipelineStatus("Preparing")
        alive = self._process is not None and self._process.alive  # asked first: it ends after its last word
        live = alive or control.is_live(self._folder)
        result = folders.read_result(self._folder)
        phase, message = str(result["phase"]), str(result.get("message", ""))
        if phase not in _ENDED and not live:
            phase, message = "Interrupted", message or (self._process.died if self._process is not None else "")
        return PipelineStatus(phase, message, result.get("parameters") or {})

    @property
    def steps(self) -> list[StepRun]:
        """Its steps; none before it is prepared."""
        if not folders.holds_pipeline(self._folder):
            return []
        return [_step(StepRecord.from_json(one)) for one in folders.read_result(self._folder).get("steps") or []]

    def _join(self, timeout: float | None, tell: Callable[[], None]) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = EVERY if deadline is None else max(0.0, min(EVERY, deadline - time.monotonic()))
            if self._process is not None and self._process.alive:
                ended = self._process.join(left)
            else:
                ended = self._error() is not None or not self._live()
                time.sleep(0.0 if ended else left)
            if ended or (deadline is not None and time.monotonic() >= deadline):
                return ended
            tell()

    def _check(self) -> None:
        if error := self._error():
            raise error
        super()._check()

    def rerun_failed(self, wait: bool = True, *, output: str | os.PathLike[str] | None = None) -> PipelineRun:
        """What failed again, in a new folder."""
        request = PipelineRequest(
            rerun_of=folders.existing(self._folder),
            output=None if output is None else Path(os.path.abspath(output)),
        )
        run = start(request, self._pipeline)
        return run.wait() if wait else run

    def _again(self) -> Background | None:
        asked = folders.read_request(self._folder)
        request = PipelineRequest(
            manifest=Path(asked["manifest"]),
            text=(self._folder / folders.MANIFEST).read_text(encoding="utf-8"),
            output=self._folder,
            resume=True,
        )
        return start(request, self._pipeline)._process

    def _live(self) -> bool:
        """Whether a process runs it; one that has just begun is given a moment to listen."""
        deadline = time.monotonic() + runs.PATIENCE
        while not control.is_live(self._folder):
            settled = self._process is not None or self.status().phase in _ENDED
            if settled or time.monotonic() > deadline:
                return False
            time.sleep(EVERY / 10)
        return True


def start(request: PipelineRequest, pipeline: str) -> LocalPipelineRun:
    """Start what ``request`` says, in a process that outlives this one. Raises RunFolderError and NoSpace."""
    folder = request.output
    if folder is None:  # known before the process has begun
        folder = run_folder.reserve(pipeline)
        request = replace(request, output=folder)
    process = Background(pipeline_in_background.__name__, pipeline_in_background.as_json(request))
    return LocalPipelineRun(folder, pipeline, process)


def _step(record: StepRecord) -> StepRun:
    folder = Path(record.folder) if record.folder else None
    run = LocalRun(folder) if folder is not None and run_folder.holds_run(folder) else None
    return StepRun(record.name, record.phase, record.reused_from or None, run, record.outputs, record.message)
