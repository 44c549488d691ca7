"""The display of a pipeline's run on a terminal: a line a step, redrawn, with a bar for each job that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from parallelrun.cli.pipeline_display import Lines, said
from parallelrun.cli.terminal import one_line
from parallelrun.local.pipelines.request import StepRecord
from parallelrun.local.progress import Estimator, View, bar, counts_text, state_text
from parallelrun.local.request import Snapshot
from parallelrun.pipelines import states

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

REDRAW = 0.1  # seconds; more often is flicker
BAR_WIDTH = 24  # characters
_STYLES = {states.SUCCEEDED: "green", states.REUSED: "green", states.FAILED: "red", states.RUNNING: "cyan"}


class LiveLines(Lines):
    """What has ended stays as a line; below it, what runs is redrawn."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._drawn = 0.0
        self._running: dict[str, StepRecord] = {}
        self._estimators: dict[str, Estimator] = {}
        self._views: dict[str, View] = {}

    def step(self, record: StepRecord) -> None:
        """A line above, for one that has ended."""
        if record.phase in (states.RUNNING, states.SUSPENDED):
            self._running[record.name] = record
            self._draw(now=True)
            return
        self._running.pop(record.name, None)
        self._views.pop(record.name, None)
        self._draw(now=True)
        self.message(f"{record.name}: {said(record)}")

    def progress(self, step: str, snapshot: Snapshot) -> None:
        """Redraw."""
        self._views[step] = self._estimators.setdefault(step, Estimator()).update(snapshot)
        self._draw()

    def message(self, text: str) -> None:
        """A line above, which stays."""
        if self._live is None:
            super().message(text)
            return
        from rich.text import Text

        self._live.console.print(Text(text))

    def close(self) -> None:
        """Take what is redrawn away: the summary says what it said."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, now: bool = False) -> None:
        if not now and time.monotonic() < self._drawn + REDRAW:
            return
        self._drawn = time.monotonic()
        if self._live is None:
            from parallelrun.cli.live import start_live

            self._live = start_live()
        self._live.update(_rendered(list(self._running.values()), self._views), refresh=True)


def _rendered(running: list[StepRecord], views: dict[str, View]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = []
    width = max((len(record.name) for record in running), default=0)
    for record in running:
        line = Text(f"{record.name:<{width}}  ", _STYLES.get(record.phase, "yellow"), no_wrap=True, overflow="ellipsis")
        view = views.get(record.name)
        if view is None or view.snapshot.total is None or view.snapshot.total == 1:
            line.append(record.phase.lower(), "dim")
        else:
            full, rest = bar(view.snapshot, BAR_WIDTH)
            line.append(full, "green").append(rest, "dim")
            line.append("  " + one_line(f"{counts_text(view.snapshot)} {state_text(view)}".strip()), "default")
        lines.append(line)
    return Group(*lines)
