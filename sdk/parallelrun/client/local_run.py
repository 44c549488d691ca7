"""A run on this machine, by its folder: begun by this process, by another, or long ago."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import ParallelRunError, RunFolderError
from parallelrun.client import progress as progresses
from parallelrun.client import tables
from parallelrun.client.background import Background
from parallelrun.client.local_steering import EVERY, LocalSteering
from parallelrun.client.progress import Progress
from parallelrun.client.run import LOG_KINDS, LogKind, PathLike, Run, Status, no_output
from parallelrun.local import control, log_files, results, run_folder, runs
from parallelrun.local.progress import Estimator
from parallelrun.local.request import NodeView, RunRequest, Snapshot

if TYPE_CHECKING:
    import pandas

    from parallelrun_agent.report.failures import Failure

#: Processes of runs, which are nobody's children any more when their objects are gone.
_PROCESSES: dict[Path, Background] = {}


class LocalRun(LocalSteering, Run):
    """See :class:`parallelrun.client.run.Run`."""

    where = "local"

    def __init__(self, folder: Path, job: str | None = None, process: Background | None = None) -> None:
        """``process`` runs it, where this process has started it."""
        self._folder = Path(os.path.abspath(folder))
        self._name = runs.job_of(self._folder) if job is None else job
        if process is not None:
            _PROCESSES[self._folder] = process
        known = process or _PROCESSES.get(self._folder)
        self._process = None if process is None and known is not None and known.refused else known
        self._estimator = Estimator()

    def __repr__(self) -> str:
        try:
            shown = self.phase
        except ParallelRunError as error:
            shown = error.message
        return f"<Run {self.name}: {shown}, {self._folder}>"

    @property
    def name(self) -> str:
        """The name of the job."""
        return self._name

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    def status(self) -> Status:
        """How it is now."""
        if error := self._error():
            return Status("Aborted", type(error).__name__, error.message, over=True)
        state = self._state()
        if state is None:
            return Status("Preparing")
        over = state.phase in runs.ENDED or (state.phase == "Interrupted" and not self._alive)
        phase = "Planning" if state.phase == "Interrupted" and not over else state.phase
        died = self._process.died if self._process is not None and phase == "Interrupted" else ""
        return Status(phase, state.reason, state.message or died, over, state.phase == "Done", state.result)

    def progress(self) -> Progress:
        """How far it is."""
        if self._error() is None:
            with contextlib.suppress(control.NotLive):
                return progresses.of_view(self._estimator.update(control.ask(self._folder, "status")))
        status = self.status()
        state = self._state() if status.phase != "Preparing" and self._error() is None else None
        if state is None:
            return Progress(status.phase, first_error=status.message.partition("\n")[0])
        result = state.result
        first: dict[str, Any] = next(iter(result.get("firstErrors") or []), {})
        nodes = [
            NodeView(int(name.removeprefix("node")), "ended", int(count))
            for name, count in (result.get("nodes") or {}).items()
        ]
        snapshot = Snapshot(
            status.phase, state.total, state.completed or 0, state.failed or 0, state.retried or 0,
            state.items_succeeded or 0, state.items_failed or 0, float(result.get("durationSeconds") or 0.0),
            nodes, first_error=_last_line(str(first.get("error") or status.message)),
        )  # fmt: skip
        return progresses.of_view(Estimator().update(snapshot))

    def _join(self, timeout: float | None, tell: Callable[[Progress], None] | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = EVERY if deadline is None else min(EVERY, deadline - time.monotonic())
            if self._ended_within(max(left, 0.0)):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            if tell is not None:
                tell(self.progress())

    def _ended_within(self, seconds: float) -> bool:
        if self._process is not None and self._process.alive:
            return self._process.join(seconds)
        if self._error() is not None or (self._process is None and not runs.settle(self._folder).live):
            return True
        if self._process is not None and not control.is_live(self._folder):
            return True
        time.sleep(seconds)
        return False

    def _check(self) -> None:
        if error := self._error():
            raise error
        super()._check()

    def result_file(self) -> Path:
        """The output file."""
        file = results.output_file(self._done())
        if file is None:
            raise RunFolderError(
                f"{self.name} has no output file: its output action is SummaryOnly.", "See run.outputs, run.folder."
            )
        return file

    def results(self, sep: str | None = None, names: Sequence[str] | None = None, **options: Any) -> pandas.DataFrame:
        """The output as a DataFrame."""
        file = self.result_file()
        return tables.read(file, run_folder.read_settings(self._folder).output, sep, names, options)

    def failures(self) -> list[Failure]:
        """The mini-batches that failed for good so far."""
        from parallelrun_agent.report.reading import RunReport

        return list(RunReport(self._existing()).failures())

    def logs(self, kind: LogKind = "script", tail: int | None = None, node: int | None = None) -> str:
        """What the script's processes printed and logged."""
        return log_files.text(self._existing(), log_files.Selection(LOG_KINDS[kind], node), tail)

    def download(self, folder: PathLike) -> Path:
        """Copy the output, and what the script wrote itself."""
        results.copied(Path(folder), self._done())
        return Path(folder)

    @property
    def outputs(self) -> dict[str, str]:
        """Where its outputs are, by name."""
        return {str(name): str(place) for name, place in (self.status().result.get("outputs") or {}).items()}

    @property
    def reused_from(self) -> str | None:
        """The run folder whose results it took over."""
        found = self.status().result.get("reusedFrom")
        return str(found) if found else None

    def rerun_failed(
        self,
        wait: bool = True,
        *,
        sets: Sequence[str] = (),
        source: PathLike | None = None,
        output: PathLike | None = None,
    ) -> Run:
        """Run what failed again, into a new folder: ``output``, or one below ``./runs``."""
        from parallelrun.client import local_start

        request = RunRequest(
            rerun_of=self._existing(),
            failed_only=True,
            sets=list(sets),
            source=None if source is None else Path(os.path.abspath(source)),
            output=None if output is None else Path(os.path.abspath(output)),
        )
        run = local_start.start(request, self.name)
        return run.wait() if wait else run

    def _again(self) -> Background | None:
        from parallelrun.client import local_start

        request = RunRequest(rerun_of=self._folder, output=self._folder, resume=True)
        return local_start.start(request, self.name)._process

    @property
    def _alive(self) -> bool:
        return self._process is not None and self._process.alive

    def _state(self) -> runs.State | None:
        """None: it is still being prepared. Raises RunFolderError where there is no run."""
        if self._process is not None and self._process.alive and not self._process.event("started"):
            return None
        if not run_folder.holds_run(self._folder) and control.is_live(self._folder):
            return None
        run_folder.existing(self._folder)
        return runs.state(self._folder)

    def _existing(self) -> Path:
        if error := self._error():
            raise error
        return run_folder.existing(self._folder)

    def _done(self) -> runs.State:
        self._existing()
        state = runs.state(self._folder)
        if state.phase != "Done":
            raise no_output(self.name, self.status())
        return state


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
