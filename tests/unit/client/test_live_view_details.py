"""What the live view is given to show, and the text that stands in for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from parallelrun.client.progress import Progress
from parallelrun.client.widget import details
from parallelrun.client.widget.details import Curve, StepLine
from parallelrun.local.request import NodeView

HOSTILE = '\x1b[2J<img src=x onerror="alert(1)">\u202e'
SAFE = r'\x1b[2J<img src=x onerror="alert(1)">\u202e'
RUNNING = Progress(
    "Running", 1000, 250, 2, 1, 240, 10, 20.0, [NodeView(0, "running", 250, 2, ["250", "251 (try 2)"])], 12.5, 60.0
)


def shown(progress: Progress = RUNNING, **options: object) -> details.Json:
    return details.of_run("mnist", "local", progress, Curve(), **options)


def test_the_numbers_of_a_run_are_said_in_the_order_in_which_they_are_looked_for():
    assert shown()["facts"] == [
        ["mini-batches", "250 of 1,000 (25%)"],
        ["failed", "2 mini-batches"],
        ["items failed", "10"],
        ["retried", "1"],
        ["throughput", "12/s"],
        ["left", "1m"],
        ["time", "20s"],
    ]


def test_what_comes_from_elsewhere_is_made_safe_wherever_it_stands():
    progress = Progress("Running", 1, 0, nodes=[NodeView(0, HOSTILE, 0, 1, [HOSTILE])], stalled=HOSTILE)
    failure = {"miniBatch": 0, "error": HOSTILE, "files": [HOSTILE], "traceback": HOSTILE}
    value = details.of_run(HOSTILE, "local", progress, Curve(), [failure], HOSTILE, HOSTILE)
    assert value["title"] == value["message"] == value["log"] == value["stalled"] == SAFE
    assert value["nodes"][0]["state"].startswith(r"\x1b[2J")
    assert "\x1b" not in str(value)
    assert value["failures"][0]["files"] == [SAFE]
    (step,) = details.of_steps([StepLine(HOSTILE, "Failed", HOSTILE)])
    assert (step["name"], step["note"]) == (SAFE, SAFE)
    for text in (details.run_text(HOSTILE, "local", progress), details.steps_text(HOSTILE, "local", "Failed", [])):
        assert "\x1b" not in text


def test_a_run_of_a_thousand_nodes_and_failures_stays_small():
    nodes = [NodeView(number, "running", 1, 1, ["1"]) for number in range(1000)]
    failures = [{"miniBatch": n, "error": "x", "files": [str(n)] * 1000, "traceback": "t" * 10**6} for n in range(1000)]
    value = shown(Progress("Running", 10, 1, nodes=nodes), failures=failures, log="line\n" * 10**5)
    assert len(str(value)) < 200_000
    assert (len(value["nodes"]), value["moreNodes"]) == (64, 936)
    assert value["failures"][0]["moreFiles"] == 995
    assert value["log"].count("\n") == 200


def test_the_curve_holds_all_of_a_long_run_in_few_points():
    curve = Curve()
    for second in range(20_000):
        curve.add(Progress("Running", 10**6, second * 3, seconds=float(second)))
    rates = curve.rates()
    assert len(rates) <= details.MOST_POINTS
    assert (curve.points[0], rates[-1][0]) == ((0.0, 0), 19_999.0)
    assert {round(rate, 6) for _, rate in rates} == {3.0}


def test_the_curve_begins_anew_where_another_run_is_shown():
    curve = Curve()
    curve.add(Progress("Running", 10, 5, seconds=9.0))
    curve.add(Progress("Running", 10, 0, seconds=1.0))
    assert curve.points == [(1.0, 0)]


def test_a_run_as_text():
    assert details.run_text("mnist", "local", RUNNING).splitlines() == [
        "mnist (local): Running",
        "  mini-batches: 250 of 1,000 (25%)",
        "  failed: 2 mini-batches",
        "  items failed: 10",
        "  retried: 1",
        "  throughput: 12/s",
        "  left: 1m",
        "  time: 20s",
        "  node 0: running, 250 done, 2 processes, in work: 250, 251 (try 2)",
    ]


def test_a_pipeline_as_text():
    steps = [
        StepLine("prepare", "Reused", "reused from digits-0-prepare"),
        StepLine("score", "Running", progress=RUNNING),
        StepLine("report", "Waiting"),
    ]
    assert details.steps_text("digits-1", "cluster", "Running", steps).splitlines() == [
        "digits-1 (cluster): Running",
        "  prepare  Reused     reused from digits-0-prepare",
        "  score    Running    250 of 1,000 mini-batches (25%), 2 failed, 10 items failed, 1 retried; 12/s, 1m left",
        "  report   Waiting",
    ]


@pytest.mark.parametrize("phase", ["Done", "Aborted"])
def test_a_run_that_is_over_has_no_time_left_and_no_nodes(phase):
    progress = Progress(phase, 4, 4, nodes=RUNNING.nodes, throughput=1.0, time_left=5.0)
    assert "left" not in details.run_text("a", "local", progress)
    assert "node" not in details.run_text("a", "local", progress)


def test_the_view_needs_no_anywidget_until_it_is_drawn():
    code = "import sys, parallelrun.client.widget; print('anywidget' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
