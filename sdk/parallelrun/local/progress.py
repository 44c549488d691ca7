"""From snapshots to what a person wants to know: how far, how fast, how long still. Pure: time comes in snapshots.

The rate is over a sliding window that spans at least WINDOW seconds and, where mini-batches are slow, at least
COMPLETIONS of them: one that took a minute must not make the rate drop to nothing in between. The time left follows the
clock down and moves towards what the rate says by a fraction a second, so that it does not jump; it is not said at all
before enough has been seen, nor while the work pauses.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from parallelrun.api.text import duration, one_line, plural
from parallelrun.local.request import NodeView, Snapshot

WINDOW = 30.0  # seconds
COMPLETIONS = 8  # the window also spans this many, or all there were
KNOWN_AFTER = 2.0  # seconds of history before a rate or a time left is believed
FOLLOW = 10.0  # seconds within which the time left moves most of the way to what the rate says
MOST_NODE_LINES = 8
_STEPS = ((20, 1), (60, 5), (300, 10), (3600, 60), (36000, 300))  # times left below so many seconds: to so many


@dataclass(frozen=True)
class View:
    """One moment, ready to be shown."""

    snapshot: Snapshot
    rate: float | None = None  # mini-batches a second; None: not known
    left: float | None = None  # seconds; None: not known


@dataclass
class Estimator:
    """Turns the snapshots of one run, in order, into views."""

    _history: deque[tuple[float, int]] = field(default_factory=deque)  # (elapsed, completed)
    _left: float | None = None
    _last: float = 0.0  # elapsed at the last view

    def update(self, snapshot: Snapshot) -> View:
        """The view of ``snapshot``, the latest."""
        if snapshot.phase != "Running" or snapshot.stalled or snapshot.suspended:
            self._history.clear()
            self._left = None
            return View(snapshot)
        self._remember(snapshot)
        rate = self._rate(snapshot)
        self._left = self._follow(snapshot, rate)
        self._last = snapshot.elapsed
        return View(snapshot, rate, self._left)

    def _remember(self, snapshot: Snapshot) -> None:
        history = self._history
        history.append((snapshot.elapsed, snapshot.completed))
        while len(history) > 2:
            elapsed, completed = history[1]
            if snapshot.elapsed - elapsed < WINDOW or snapshot.completed - completed < COMPLETIONS:
                return
            history.popleft()

    def _rate(self, snapshot: Snapshot) -> float | None:
        elapsed, completed = self._history[0]
        seconds, done = snapshot.elapsed - elapsed, snapshot.completed - completed
        busy = sum(len(node.running) for node in snapshot.nodes)
        if seconds < KNOWN_AFTER or done < max(2, busy):
            return None
        return done / seconds

    def _follow(self, snapshot: Snapshot, rate: float | None) -> float | None:
        if rate is None or snapshot.total is None:
            return self._left
        said = (snapshot.total - snapshot.completed) / rate
        if self._left is None:
            return said
        passed = max(snapshot.elapsed - self._last, 0.0)
        expected = max(self._left - passed, 0.0)
        return expected + (said - expected) * (1 - math.exp(-passed / FOLLOW))


def rate_text(rate: float) -> str:
    """``1,234/s``, ``3.4/s``, ``12/min``, ``5/h``: in the unit that gives a number one can picture."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        value = rate * seconds
        if value >= 1 or unit == "h":
            return f"{value:,.0f}/{unit}" if value >= 10 else f"{value:.1f}/{unit}"
    raise AssertionError("unreachable: hours take every rate")


def left_text(seconds: float) -> str:
    """A time left, no finer than can be known: ``12s``, ``1m30s``, ``24m``, ``3h10m``."""
    step = next((step for below, step in _STEPS if seconds < below), 3600)
    whole = max(round(seconds / step) * step, 1)
    return f"{whole}s" if whole < 60 else duration(whole).removesuffix("00s")


def counts_text(snapshot: Snapshot) -> str:
    """``120 of 1,000 mini-batches (12%), 3 failed, 5 retried``; what is none is left out."""
    if snapshot.total is None:
        return {"Planning": "planning: listing the input"}.get(snapshot.phase, snapshot.phase.lower())
    text = f"{snapshot.completed:,} of {plural(snapshot.total, 'mini-batch')} ({percent(snapshot)}%)"
    if snapshot.failed:
        text += f", {snapshot.failed:,} failed"
    if snapshot.items_failed:
        text += f", {plural(snapshot.items_failed, 'item')} failed"
    if snapshot.retried:
        text += f", {snapshot.retried:,} retried"
    return text


def bar(snapshot: Snapshot, width: int) -> tuple[str, str]:
    """The two parts of a bar of ``width`` characters: what is done, and the rest."""
    done = 0
    if snapshot.total is not None:
        done = width * snapshot.completed // snapshot.total if snapshot.total else width
    return "━" * done, "━" * (width - done)


def percent(snapshot: Snapshot) -> int:
    """Whole percents done; 100 only when all are, and an empty plan is done."""
    if not snapshot.total:
        return 100 if snapshot.total == 0 else 0
    return snapshot.completed * 100 // snapshot.total


def state_text(view: View) -> str:
    """What is to be said beside the counts: pace and time left, or why there are none."""
    snapshot = view.snapshot
    if snapshot.stalled:
        return f"paused: {one_line(' '.join(snapshot.stalled.splitlines()))}"
    if snapshot.suspended:
        return "suspended"
    if snapshot.phase == "Finalizing":
        return "checking results"
    if snapshot.phase == "Committing":
        return "writing the output"
    if snapshot.phase != "Running":
        return one_line(snapshot.preparing)
    parts = [] if view.rate is None else [rate_text(view.rate)]
    if view.left is not None and snapshot.completed < (snapshot.total or 0):
        parts.append(f"{left_text(view.left)} left")
    return ", ".join(parts)


def line(view: View) -> str:
    """All of it in one plain line."""
    state = state_text(view)
    return counts_text(view.snapshot) + (f"; {state}" if state else "")


def node_lines(nodes: list[NodeView]) -> list[str]:
    """A line a node, or one line for all when there are more than MOST_NODE_LINES."""
    if len(nodes) <= MOST_NODE_LINES:
        return [_node_line(node) for node in nodes]
    states: dict[str, int] = {}
    for node in nodes:
        states[node.state] = states.get(node.state, 0) + 1
    said = ", ".join(f"{count} {one_line(state)}" for state, count in sorted(states.items()))
    return [f"{len(nodes)} nodes: {said}; {sum(len(node.running) for node in nodes)} mini-batches in work"]


def _node_line(node: NodeView) -> str:
    text = f"node {node.node}: {one_line(node.state)}, {node.completed:,} done, {plural(node.processes, 'process')}"
    return text + (f", in work: {one_line(', '.join(node.running), 60)}" if node.running else "")


@dataclass
class Pace:
    """When a plain line is due: often at first, once a minute in the long run, and not when nothing has changed."""

    first: float = 5.0  # seconds between lines at the start
    most: float = 60.0  # and the most between lines later, and when nothing changes
    _said_at: float = 0.0
    _said: str = ""

    def due(self, elapsed: float, text: str) -> bool:
        """Whether ``text`` is to be said at ``elapsed`` seconds; saying so counts as said."""
        passed = elapsed - self._said_at
        wait = min(max(elapsed / 12, self.first), self.most)
        if passed < (wait if text != self._said else self.most):
            return False
        self._said_at, self._said = elapsed, text
        return True
