"""The display of a run: a live bar on a terminal, plain lines elsewhere, JSON lines for programs.

All three are Listeners of the engine. rich is imported only by the live bar, and only once a run has lasted
LIVE_AFTER seconds: a job that is done by then needs no bar, and pays for none.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.cli.terminal import give, is_terminal, one_line, tell
from parallelrun.local.progress import Estimator, Pace, View, bar, counts_text, line, node_lines, state_text
from parallelrun.local.request import Snapshot

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

LIVE_AFTER = 0.5  # seconds
REDRAW = 0.1  # seconds; more often is flicker
BAR_WIDTH = 40  # characters


class Display:
    """What all displays have in common; also tells whether the script has been started."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.latest: Snapshot | None = None
        self.ran = False  # past planning: from here on what goes wrong is the job's failure
        self._estimator = Estimator()

    def started(self, folder: Path) -> None:
        """The run's folder exists."""
        self.folder = folder

    def progress(self, snapshot: Snapshot) -> None:
        """The state now."""
        self.latest = snapshot
        self.ran = self.ran or snapshot.phase in ("Running", "Finalizing", "Committing")
        self.show(self._estimator.update(snapshot))

    def show(self, view: View) -> None:
        """Show ``view``."""

    def message(self, text: str) -> None:
        """A remark for people."""
        tell(text)

    def close(self) -> None:
        """Leave the screen in order; called once, however the run ended."""


class PlainDisplay(Display):
    """Lines on stderr, every few seconds and when the phase changes the story."""

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace()
        self._stalled = ""

    def show(self, view: View) -> None:
        """A line, when one is due; a pause and its end are always said."""
        text = line(view)
        if view.snapshot.stalled != self._stalled or self._pace.due(view.snapshot.elapsed, text):
            self._stalled = view.snapshot.stalled
            tell(text)


class JsonDisplay(Display):
    """JSON objects on stdout, one a line, for programs: each has "type" and, of progress, the snapshot's fields."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, Any] = {}

    def started(self, folder: Path) -> None:
        """{"type": "started", "folder": ...}."""
        super().started(folder)
        give_json({"type": "started", "folder": str(folder)})

    def show(self, view: View) -> None:
        """{"type": "progress", ..., "rate": mini-batches a second or null, "left": seconds or null}."""
        value = {"type": "progress", **dataclasses.asdict(view.snapshot), "rate": view.rate, "left": view.left}
        if value != self._shown:
            self._shown = value
            give_json(value)

    def message(self, text: str) -> None:
        """{"type": "message", "text": ...}."""
        give_json({"type": "message", "text": text})


class LiveDisplay(Display):
    """A bar that redraws itself, with a line a node."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._drawn_at = LIVE_AFTER - REDRAW

    def show(self, view: View) -> None:
        """Redraw."""
        if view.snapshot.elapsed < self._drawn_at + REDRAW:
            return
        self._drawn_at = view.snapshot.elapsed
        if self._live is None:
            self._live = start_live()
        self._live.update(_render(view), refresh=True)

    def message(self, text: str) -> None:
        """A line above the bar, which stays."""
        if self._live is None:
            super().message(text)
            return
        from rich.text import Text

        self._live.console.print(Text(one_line(text) if "\n" not in text else text))

    def close(self) -> None:
        """Take the bar away: the summary says what it said."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def start_live() -> Live:
    """A part of the terminal that is redrawn."""
    from rich.console import Console
    from rich.live import Live

    live = Live(console=Console(file=sys.stderr), auto_refresh=False, transient=True, redirect_stdout=False)
    live.start()
    return live


def _render(view: View) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    snapshot = view.snapshot
    full, rest = bar(snapshot, BAR_WIDTH)
    head = Text.assemble((full, "green"), (rest, "dim"), no_wrap=True, overflow="ellipsis")
    head.append("  " + state_text(view), style="yellow" if snapshot.stalled else "cyan")
    lines: list[RenderableType] = [head, Text(counts_text(snapshot), no_wrap=True, overflow="ellipsis")]
    lines += [Text("  " + text, "dim", no_wrap=True, overflow="ellipsis") for text in node_lines(snapshot.nodes)]
    if snapshot.first_error:
        lines.append(Text("first failure: " + one_line(snapshot.first_error), "red", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def give_json(value: dict[str, Any]) -> None:
    """One JSON object as a line on stdout."""
    give(json.dumps(value, default=str))


def choose(as_json: bool) -> Display:
    """The display that fits where our output goes."""
    if as_json:
        return JsonDisplay()
    return LiveDisplay() if is_terminal(sys.stderr) else PlainDisplay()
