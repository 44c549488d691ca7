"""What is said of a pipeline's steps while it runs, and when it has ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallelrun.cli import pipeline_summary
from parallelrun.cli.pipeline_display import JsonLines, Lines, PipelineDisplay
from parallelrun.cli.pipeline_live import LiveLines
from parallelrun.local.pipelines.request import PipelineOutcome, StepRecord
from parallelrun.local.request import Snapshot

START, END = "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:02.500Z"
RECORDS = (
    StepRecord("prepare", "Reused", reused_from="/elsewhere/steps/prepare", start_time=START, completion_time=END),
    StepRecord("score", "Failed", "/runs/a/steps/score", "", START, END, {}, "ErrorThresholdExceeded: 1\nTraceback: x"),
    StepRecord("report", "Skipped", message="it needs score, which did not succeed"),
)


def shown(display: PipelineDisplay) -> None:
    display.started(Path("/runs/a"))
    display.step(StepRecord("score", "Running"))
    for completed in (0, 5, 10):
        display.progress("score", Snapshot("Running", total=10, completed=completed, elapsed=float(completed)))
    for record in RECORDS:
        display.step(record)
    display.close()


def test_a_line_for_each_change_of_a_step(capsys):
    shown(Lines())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "score: started"
    assert "score: 10 of 10 mini-batches (100%)" in [line.partition(";")[0] for line in lines]
    assert lines[-3:] == [
        "prepare: reused from /elsewhere/steps/prepare",
        "score: failed: ErrorThresholdExceeded: 1",
        "report: skipped: it needs score, which did not succeed",
    ]


def test_programs_get_json_lines_with_the_result_last(capsys):
    display = JsonLines()
    shown(display)
    display.ended(PipelineOutcome(Path("/runs/a"), "Failed", "score did not succeed", RECORDS))
    values = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [value["type"] for value in values] == ["started", "step", *["progress"] * 3, *["step"] * 3, "result"]
    assert values[2]["step"] == "score"
    assert values[-1]["steps"][0] == RECORDS[0].as_json()


def test_a_terminal_keeps_what_ended_and_redraws_what_runs(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    shown(LiveLines())
    said = capsys.readouterr().err
    assert "━" in said
    assert "10 of 10 mini-batches (100%)" in said
    assert said.index("prepare: reused from") < said.index("score: failed") < said.index("report: skipped")


def test_the_summary_shows_why_a_step_failed_and_what_to_type(tmp_path):
    text = "\n".join(pipeline_summary.lines(PipelineOutcome(tmp_path, "Failed", "score did not succeed", RECORDS)))
    assert text.startswith("The pipeline failed: score did not succeed\n")
    assert "  score    Failed   2.5s" in text
    assert "Traceback: x" in text
    assert f"parallelrun logs {tmp_path} --step score" in text
    assert f"parallelrun rerun {tmp_path} --failed" in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (PipelineOutcome(Path("a"), "Succeeded", "1 step succeeded"), "Done: 1 step succeeded"),
        (PipelineOutcome(Path("a"), "Cancelled", "the run was cancelled"), "The pipeline was cancelled: the run was c"),
        (PipelineOutcome(Path("a"), "Running", "", interrupted=True), "Interrupted."),
    ],
)
def test_the_first_line_says_how_it_ended(outcome, words):
    assert pipeline_summary.lines(outcome)[0].startswith(words)
