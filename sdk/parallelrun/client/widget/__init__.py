"""The live view of a run: in a notebook a widget that follows it to its end, elsewhere its state as text."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import ParallelRunError
from parallelrun.api.text import printable
from parallelrun.client.run import Run

if TYPE_CHECKING:
    from parallelrun.client.pipeline_run import PipelineRun
    from parallelrun.client.widget.look import PipelineLook, RunLook
    from parallelrun.client.widget.view import View

#: Seconds between two looks at a run.
EVERY = 1.0


class RunDetails:
    """Progress, nodes, throughput, failures and the end of the log of a run; of a pipeline's run also its steps."""

    def __init__(self, run: Run | PipelineRun) -> None:
        """``run``: a :class:`Run` or a :class:`PipelineRun`."""
        from parallelrun.client.widget.look import PipelineLook, RunLook

        self._look: RunLook | PipelineLook = RunLook(run) if isinstance(run, Run) else PipelineLook(run)
        self._view: View | None = None
        self._handle: Any = None

    @property
    def text(self) -> str:
        """The run in a few lines of plain text, as it is now."""
        try:
            return self._look.text()
        except ParallelRunError as error:
            return printable(str(error))

    def show(self) -> None:
        """Show it: in a notebook live, until the run has ended; where there is none, or no anywidget, as text, once.

        It returns at once. The text also stands in for the view where that cannot be drawn, such as in the output of
        nbconvert.
        """
        if not _in_notebook() or not self._can_draw():
            print(self.text, flush=True)
            return
        import IPython.display

        show: Any = IPython.display.display
        self._draw()
        self._handle = show(self._view, display_id=True)
        threading.Thread(target=self._follow, name="parallelrun-view", daemon=True).start()

    def _can_draw(self) -> bool:
        try:
            from parallelrun.client.widget.view import View
        except ImportError:
            print("For a live view: pip install parallelrun[notebook]", file=sys.stderr)
            return False
        self._view = View(lambda: self.text)
        return True

    def _follow(self) -> None:
        pause = threading.Event()
        while not self._look.over:
            pause.wait(EVERY)
            self._draw()
        self._handle.update(self._view)  # so that the text that stands in for it is that of the end

    def _draw(self) -> None:
        from parallelrun.client.widget.look import RunLook

        assert self._view is not None
        try:
            look = self._look
            if isinstance(look, RunLook):
                run = look.state()
                self._view.state = {"title": run["title"], "where": run["where"], "phase": run["phase"], "run": run}
            else:
                self._view.state = look.state()
        except ParallelRunError as error:  # the API server is away, say: the view goes on when it is back
            before = self._view.state or {"title": "?", "where": "", "phase": ""}
            self._view.state = {**before, "run": None, "message": printable(str(error))}


def _in_notebook() -> bool:
    """Whether a kernel runs this, which has somebody to show things to."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None
