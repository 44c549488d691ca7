"""What is said of a pipeline's run when it has ended, or is looked at. Pure."""

from __future__ import annotations

import os
import shlex
from datetime import datetime

from parallelrun.cli.summary import traceback_lines
from parallelrun.cli.tables import table
from parallelrun.cli.terminal import duration
from parallelrun.local.pipelines.request import PipelineOutcome, StepRecord
from parallelrun.pipelines import states

HEADINGS = ("STEP", "PHASE", "TIME", "FROM")


def lines(outcome: PipelineOutcome) -> list[str]:
    """The summary: every step, why one failed, and what to type next."""
    text = [_headline(outcome), "", *("  " + line for line in table(HEADINGS, rows(outcome.steps)).splitlines())]
    folder = shlex.quote(str(outcome.folder))
    for record in outcome.steps:
        if record.phase == states.FAILED:
            text += ["", f"{record.name} failed:", *("  " + line for line in traceback_lines(record.message))]
            if record.folder:
                text += [f"  What it printed:   parallelrun logs {folder} --step {record.name}"]
    if outcome.phase == states.FAILED:
        text += ["", f"Run what failed again:   parallelrun rerun {folder} --failed"]
    return text


def rows(records: tuple[StepRecord, ...]) -> list[tuple[object, ...]]:
    """A row of a table for each step."""
    return [(one.name, one.phase, took(one) or None, shown(one.reused_from) or None) for one in records]


def shown(place: str) -> str:
    """A path below the current folder from there on; any other as it is."""
    return os.path.relpath(place) if place.startswith(os.getcwd() + os.sep) else place


def took(record: StepRecord) -> str:
    """How long a step ran; "" where it did not, or has not ended."""
    if not record.start_time or not record.completion_time or record.phase == states.REUSED:
        return ""
    return duration(_seconds(record.completion_time) - _seconds(record.start_time))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _headline(outcome: PipelineOutcome) -> str:
    if outcome.interrupted:
        return "Interrupted."
    said = f": {outcome.message}" if outcome.message else ""
    return {"Succeeded": "Done", "Failed": "The pipeline failed", "Cancelled": "The pipeline was cancelled"}.get(
        outcome.phase, outcome.phase
    ) + said
