"""What is said of a run's progress, from snapshots alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.local import progress
from parallelrun.local.progress import Estimator, Pace, View
from parallelrun.local.request import NodeView, Snapshot


def snapshot(elapsed: float = 0.0, completed: int = 0, total: int | None = 1000, **more) -> Snapshot:
    return Snapshot("Running", total=total, completed=completed, elapsed=elapsed, **more)


def views(done_at: Callable[[float], int], seconds: float, step: float = 0.25, total: int = 1000) -> list[View]:
    """The views of a run that has completed ``done_at(t)`` mini-batches at ``t``."""
    estimator = Estimator()
    count = int(seconds / step) + 1
    return [estimator.update(snapshot(i * step, done_at(i * step), total)) for i in range(count)]


def test_a_steady_run_shows_its_rate_and_the_time_left():
    last = views(lambda t: int(10 * t), 50)[-1]
    assert last.rate == pytest.approx(10, rel=0.05)
    assert last.left == pytest.approx(50, abs=2)


def test_nothing_is_said_before_enough_was_seen():
    early = views(lambda t: int(10 * t), 1.75)
    assert all(view.rate is None and view.left is None for view in early)


def test_nothing_is_said_before_every_busy_process_has_finished_one():
    estimator = Estimator()
    busy = [NodeView(0, "running", running=["0", "1", "2", "3"])]
    estimator.update(snapshot(0, 0, nodes=busy))
    assert estimator.update(snapshot(60, 3, nodes=busy)).rate is None
    assert estimator.update(snapshot(61, 4, nodes=busy)).rate is not None


def test_the_time_left_of_a_steady_run_never_jumps():
    shown = [view.left for view in views(lambda t: int(10 * t), 90) if view.left is not None]
    assert max(abs(b - a) for a, b in pairwise(shown)) < 1.0


def test_a_change_of_pace_moves_the_time_left_gradually_and_all_the_way():
    every = views(lambda t: int(10 * t) if t < 40 else int(400 + 2 * (t - 40)), 200)
    shown = [view.left for view in every if view.left is not None]
    assert max(b - a for a, b in pairwise(shown)) < 10
    assert shown[-1] == pytest.approx((1000 - 720) / 2, rel=0.1)


def test_slow_mini_batches_keep_a_rate_between_completions():
    """Two processes, a minute each: a window of seconds would be empty most of the time."""
    rates = [view.rate for view in views(lambda t: 2 * int(t / 60), 1200, step=1)][200:]
    assert all(rate is not None and 1.5 / 60 < rate < 3 / 60 for rate in rates)


@pytest.mark.parametrize("change", [{"stalled": "no space"}, {"suspended": True}])
def test_a_pause_forgets_the_pace(change):
    estimator = Estimator()
    for second in range(20):
        estimator.update(snapshot(second, second * 10))
    assert estimator.update(snapshot(20, 200, **change)) == View(snapshot(20, 200, **change))
    assert estimator.update(snapshot(500, 200)).left is None


def test_what_a_resumed_run_finished_before_does_not_count_as_pace():
    last = views(lambda t: 500 + int(t), 20)[-1]
    assert last.rate == pytest.approx(1, rel=0.1)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=60))
def test_rate_and_time_left_are_never_negative(steps):
    estimator = Estimator()
    elapsed, done = 0.0, 0
    for seconds, more in steps:
        elapsed, done = elapsed + seconds, min(done + more, 1000)
        view = estimator.update(snapshot(elapsed, done))
        assert view.rate is None or view.rate >= 0
        assert view.left is None or view.left >= 0
        assert progress.line(view)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1234.4, "1,234/s"),
        (12.3, "12/s"),
        (3.42, "3.4/s"),
        (0.5, "30/min"),
        (0.02, "1.2/min"),
        (0.001, "3.6/h"),
        (0, "0.0/h"),
    ],
)
def test_rates_are_in_a_unit_one_can_picture(rate, text):
    assert progress.rate_text(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1s"),
        (0.4, "1s"),
        (7.6, "8s"),
        (12, "12s"),
        (33, "35s"),
        (59, "1m"),
        (95, "1m40s"),
        (290, "4m50s"),
        (1501, "25m"),
        (3599, "1h00m"),
        (11400, "3h10m"),
        (90000, "1d1h"),
    ],
)
def test_times_left_are_no_finer_than_can_be_known(seconds, text):
    assert progress.left_text(seconds) == text


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (View(Snapshot("Planning")), "planning: listing the input"),
        (View(Snapshot("Pending", preparing="installing packages: once")), "pending; installing packages: once"),
        (View(snapshot(completed=120), 12.0, 90.0), "120 of 1,000 mini-batches (12%); 12/s, 1m30s left"),
        (View(snapshot(completed=1, total=1), 12.0, 0.0), "1 of 1 mini-batch (100%); 12/s"),
        (
            View(snapshot(completed=999, failed=3, items_failed=30, retried=5)),
            "999 of 1,000 mini-batches (99%), 3 failed, 30 items failed, 5 retried",
        ),
        (View(snapshot(completed=5, stalled="no space: /v")), "5 of 1,000 mini-batches (0%); paused: no space: /v"),
        (View(snapshot(completed=5, stalled="403\nMend it.")), "5 of 1,000 mini-batches (0%); paused: 403 Mend it."),
        (View(snapshot(completed=5, suspended=True)), "5 of 1,000 mini-batches (0%); suspended"),
        (View(Snapshot("Committing", 10, 10)), "10 of 10 mini-batches (100%); writing the output"),
        (View(Snapshot("Running", 0, 0)), "0 of 0 mini-batches (100%)"),
    ],
)
def test_a_line_says_it_all(view, text):
    assert progress.line(view) == text


@pytest.mark.parametrize(
    ("done", "total", "full"), [(0, 10, 0), (5, 10, 10), (10, 10, 20), (999, 1000, 19), (0, 0, 20), (0, None, 0)]
)
def test_the_bar_is_full_only_when_all_is_done(done, total, full):
    parts = progress.bar(Snapshot("Running", total, done), 20)
    assert (len(parts[0]), len(parts[1])) == (full, 20 - full)


def test_nodes_have_a_line_each_up_to_eight():
    nodes = [NodeView(n, "running", 10, 2, ["1", "2"]) for n in range(8)]
    lines = progress.node_lines(nodes)
    assert len(lines) == 8
    assert lines[3] == "node 3: running, 10 done, 2 processes, in work: 1, 2"


def test_more_nodes_are_one_line():
    nodes = [NodeView(n, "running" if n else "waiting", 10, 2, ["1"]) for n in range(9)]
    assert progress.node_lines(nodes) == ["9 nodes: 8 running, 1 waiting; 9 mini-batches in work"]


def test_names_of_nodes_are_safe():
    assert "\x1b" not in "".join(progress.node_lines([NodeView(0, "\x1b[2J", running=["\x07"])]))


def test_plain_lines_come_every_few_seconds_then_once_a_minute():
    pace = Pace()
    said = [second for second in range(3600) if pace.due(second, f"at {second}")]
    assert said[:3] == [5, 10, 15]
    assert {b - a for a, b in pairwise(said[-10:])} == {60}


def test_plain_lines_that_say_nothing_new_come_once_a_minute():
    pace = Pace()
    assert [second for second in range(200) if pace.due(second, "same")] == [5, 65, 125, 185]
