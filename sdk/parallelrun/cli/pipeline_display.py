"""The display of a pipeline's run: lines on stderr, or JSON lines on stdout for programs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from parallelrun.cli.live import give_json
from parallelrun.cli.pipeline_summary import shown, took
from parallelrun.cli.terminal import give, is_terminal, tell
from parallelrun.local.pipelines.request import PipelineOutcome, StepRecord
from parallelrun.local.progress import Estimator, Pace, line
from parallelrun.local.request import Snapshot
from parallelrun.pipelines import states


class PipelineDisplay:
    """What both displays have in common."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def started(self, folder: Path) -> None:
        """The run's folder exists."""
        self.folder = folder

    def step(self, record: StepRecord) -> None:
        """A step's phase is another one now."""

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """How far a step is."""

    def message(self, text: str) -> None:
        """A remark for people."""

    def ended(self, outcome: PipelineOutcome) -> None:
        """The last word, for programs."""

    def close(self) -> None:
        """Leave the screen in order."""


class Lines(PipelineDisplay):
    """A line for each change of a step, and every few seconds one on how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self._paces: dict[str, tuple[Estimator, Pace]] = {}

    def step(self, record: StepRecord) -> None:
        """What became of it."""
        tell(f"{record.name}: {said(record)}")

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """A line, when one is due; a program's has nothing to say."""
        if snapshot.total is None or snapshot.total == 1:
            return
        estimator, pace = self._paces.setdefault(step, (Estimator(), Pace()))
        text = line(estimator.update(snapshot))
        if pace.due(snapshot.elapsed, text):
            tell(f"{step}: {text}")

    def message(self, text: str) -> None:
        """A line."""
        tell(text)

    def ended(self, outcome: PipelineOutcome) -> None:
        """The folder, on stdout."""
        give(str(outcome.folder))


class JsonLines(PipelineDisplay):
    """JSON objects on stdout, one a line: "type" is started, step, progress, message or result."""

    def started(self, folder: Path) -> None:
        """{"type": "started", "folder": ...}."""
        super().started(folder)
        give_json({"type": "started", "folder": str(folder)})

    def step(self, record: StepRecord) -> None:
        """{"type": "step", "name": ..., "phase": ...}: as in pipeline_result.json."""
        give_json({"type": "step", **record.as_json()})

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """{"type": "progress", "step": ..., and the step's snapshot}."""
        give_json({"type": "progress", "step": step, **dataclasses.asdict(snapshot)})

    def message(self, text: str) -> None:
        """{"type": "message", "text": ...}."""
        give_json({"type": "message", "text": text})

    def ended(self, outcome: PipelineOutcome) -> None:
        """{"type": "result", ...}, the last line."""
        value: dict[str, Any] = {"folder": str(outcome.folder), "phase": outcome.phase, "message": outcome.message}
        steps = [record.as_json() for record in outcome.steps]
        give_json({"type": "result", **value, "interrupted": outcome.interrupted, "steps": steps})


def choose(as_json: bool) -> PipelineDisplay:
    """The display that fits."""
    if as_json:
        return JsonLines()
    if is_terminal(sys.stderr):
        from parallelrun.cli.pipeline_live import LiveLines

        return LiveLines()
    return Lines()


def said(record: StepRecord) -> str:
    """What has become of a step, in a line."""
    if record.phase == states.RUNNING:
        return "started"
    if record.phase == states.REUSED:
        return f"reused from {shown(record.reused_from)}"
    if record.phase == states.SUCCEEDED:
        return f"succeeded in {took(record)}"
    first = record.message.splitlines()[0] if record.message else ""
    return record.phase.lower() + (f": {first}" if first else "")
