"""Asks a run, or a pipeline's run, for all that is shown of it; seldom for what is dear."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import ParallelRunError
from parallelrun.api.text import one_line, printable
from parallelrun.client.run import Run
from parallelrun.client.widget import details
from parallelrun.client.widget.details import Curve, Json, StepLine

if TYPE_CHECKING:
    from parallelrun.client.pipeline_run import PipelineRun, StepRun

#: Seconds between two looks at logs and failures, of a run here and of one in a cluster, where a pod is asked.
_LOGS_EVERY = {"local": 2.0, "cluster": 10.0}
_LOG_LINES = 40
#: So many steps of a pipeline are looked into.
_MOST_STEPS = 16
_GOING_ON = ("Running", "Suspended")


class RunLook:
    """Looks at one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._curve = Curve()
        self._asked = -1e9
        self._failures: list[Any] = []
        self._failed = 0
        self._log = ""
        self.over = False

    def state(self) -> Json:
        """What is shown now."""
        status = self._run.status()  # before the rest: what is read of a run that is over is the end of it
        progress = self._run.progress()
        self.over = status.over
        self._curve.add(progress)
        if time.monotonic() - self._asked >= _LOGS_EVERY[self._run.where] or self.over:
            self._ask(progress.failed, status.result)
            self._asked = time.monotonic()
        message = "" if status.done or self._failures else status.message
        return details.of_run(
            self._run.name, self._run.where, progress, self._curve, self._failures, self._log, message
        )

    def text(self) -> str:
        """The same in a few lines."""
        status = self._run.status()
        self.over = status.over
        message = "" if status.done else status.message
        return details.run_text(self._run.name, self._run.where, self._run.progress(), message)

    def _ask(self, failed: int, result: Any) -> None:
        # One that has not begun has none; of a job in a cluster that is over only a pod could read them.
        with contextlib.suppress(ParallelRunError):
            if not (self.over and self._run.where == "cluster"):
                self._log = self._run.logs(tail=_LOG_LINES) or self._log
        if result.get("firstErrors"):
            self._failures = list(result["firstErrors"])
        elif failed != self._failed and self._run.where == "local":
            found = self._run.failures()
            self._failures = [
                {"miniBatch": one.mini_batch, **dataclasses.asdict(one)} for one in found[: details.MOST_FAILURES]
            ]
            self._failed = len(found)  # what is counted may not be on the disk yet


class PipelineLook:
    """Looks at the run of a pipeline: its steps, and what is in each."""

    def __init__(self, run: PipelineRun) -> None:
        self._run = run
        self._looks: dict[str, RunLook] = {}
        self._seen: dict[str, Json] = {}  # the runs of steps, as they were shown last
        self.over = False

    def state(self) -> Json:
        """What is shown now: the reader chooses a step in the browser, also while the kernel is busy."""
        status = self._run.status()  # before the rest, as above
        steps = self._run.steps
        lines = _lines(steps)
        self.over = status.over
        for step in _most_wanted(steps):
            if step.run is not None and not (step.name in self._seen and self._looks[step.name].over):
                look = self._looks.setdefault(step.name, RunLook(step.run))
                self._seen[step.name] = look.state()
        return {
            "title": one_line(self._run.name),
            "where": self._run.where,
            "phase": status.phase,
            "steps": details.of_steps(lines),
            "matters": _matters(lines),
            "runs": dict(self._seen),
            "message": printable(status.message),
        }

    def text(self) -> str:
        """The same in a line a step."""
        status = self._run.status()
        return details.steps_text(self._run.name, self._run.where, status.phase, _lines(self._run.steps))


def _lines(steps: list[StepRun]) -> list[StepLine]:
    lines = []
    for step in steps:
        progress = step.run.progress() if step.run is not None and step.phase in _GOING_ON else None
        note = f"reused from {step.reused_from}" if step.reused_from else step.message
        lines.append(StepLine(step.name, step.phase, note, progress))
    return lines


def _most_wanted(steps: list[StepRun]) -> list[StepRun]:
    """Steps that are looked into: those that go on or have failed first, then the latest."""
    begun = [step for step in reversed(steps) if step.run is not None]
    return sorted(begun, key=lambda step: step.phase not in (*_GOING_ON, "Failed"))[:_MOST_STEPS]


def _matters(lines: list[StepLine]) -> str:
    for phase in ("Running", "Suspended", "Failed"):
        for line in lines:
            if line.phase == phase:
                return line.name
    begun = [line.name for line in lines if line.phase not in ("Waiting", "Skipped")]
    return begun[-1] if begun else ""
