"""A run of a job, on this machine or in a cluster: what can be asked of it, and done with it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from parallelrun.api.errors import JobFailed, RunFolderError
from parallelrun.client.progress import Progress

if TYPE_CHECKING:
    import pandas

    from parallelrun_agent.report.failures import Failure

PathLike = str | os.PathLike[str]
LogKind = Literal["stdout", "stderr", "log", "sys", "script"]
#: The kinds of logs in one word: ``script`` is all that the script printed and logged.
LOG_KINDS: Mapping[LogKind, tuple[str, ...]] = {
    "script": ("stdout", "stderr", "log"),
    "stdout": ("stdout",),
    "stderr": ("stderr",),
    "log": ("log",),
    "sys": ("sys",),
}


@dataclass(frozen=True)
class Status:
    """A run at one moment."""

    phase: str
    reason: str = ""  # in CamelCase, of a run that failed
    message: str = ""
    over: bool = False
    done: bool = False  # over, and its output is whole
    result: Mapping[str, Any] = field(default_factory=dict)  # of a run that is over, as far as it is known here


class Run(ABC):
    """One run. Every method asks anew; nothing is kept that could be out of date.

    Methods raise subclasses of ParallelRunError, with what to do.
    """

    #: Where it runs.
    where: Literal["local", "cluster"]

    @staticmethod
    def open(folder: PathLike) -> Run:
        """A run on this machine: its folder, its name below ``./runs``, or the name of a job, whose newest run it is.

        Raises RunFolderError.
        """
        from parallelrun.client.local_run import LocalRun
        from parallelrun.local import runs
        from parallelrun.local.pipelines.folder import holds_pipeline

        if holds_pipeline(Path(folder)):
            raise RunFolderError(
                f"{folder} is the run of a pipeline.", "Open it with parallelrun.PipelineRun.open, or one of its steps."
            )
        return LocalRun(runs.named(os.fspath(folder)))

    @staticmethod
    def get(
        name: str,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: PathLike | None = None,
    ) -> Run:
        """A job in a cluster, by its name. Raises NotFound (a KubeError) where there is none."""
        from parallelrun.client import cluster_run
        from parallelrun.cluster.place import Place

        return cluster_run.get(name, Place(namespace, context, None if kubeconfig is None else os.fspath(kubeconfig)))

    # --- what it is ---

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the job."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """The run's folder on this machine; raises RunFolderError for a job in a cluster, whose files are there."""

    @abstractmethod
    def status(self) -> Status:
        """How it is now."""

    @property
    def phase(self) -> str:
        """Preparing (local), Pending (cluster), Planning, Running, Suspended, Finalizing, Committing; at the end Done
        or Aborted, or Interrupted where nothing runs a local run that has not ended."""
        return self.status().phase

    @abstractmethod
    def progress(self) -> Progress:
        """How far it is."""

    # --- until its end ---

    def wait(self, timeout: float | None = None, show: bool = False, check: bool = True) -> Self:
        """Wait for its end, and give the run itself.

        ``show`` prints a line of progress now and then. Raises TimeoutError after ``timeout`` seconds, and where
        ``check``, JobFailed for a run that did not succeed, or the error that kept it from starting.
        An interrupt (Ctrl-C, the stop button) ends the waiting, not the run.
        """
        from parallelrun.local.progress import Pace

        pace = Pace()

        def tell(progress: Progress) -> None:
            text = str(progress)
            if pace.due(progress.seconds, text):
                print(text, flush=True)

        if not self._join(timeout, tell if show else None):
            raise TimeoutError(f"{self.name} still goes on after {timeout:g} seconds: {self.phase}.")
        if show:
            print(str(self.progress()), flush=True)
        if check:
            self._check()
        return self

    def _check(self) -> None:
        status = self.status()
        if not status.done:
            raise failed(self.name, status)

    @abstractmethod
    def _join(self, timeout: float | None, tell: Callable[[Progress], None] | None) -> bool:
        """Wait for its end, ``timeout`` seconds at most; whether it has ended."""

    # --- what came of it ---

    @abstractmethod
    def result_file(self) -> Path:
        """The output file of a run that is done; from a cluster it is fetched, and kept while this process lives.

        Raises RunFolderError where there is none.
        """

    @abstractmethod
    def results(self, sep: str | None = None, names: Sequence[str] | None = None, **options: Any) -> pandas.DataFrame:
        """The output of a run that is done, in input order.

        Format Text gives one column, ``result``, a line each; with ``sep`` its lines are split, into columns ``names``.
        ``options`` go to ``pandas.read_csv``. CSV, JSONL and Parquet have columns of their own.
        """

    @abstractmethod
    def failures(self) -> list[Failure]:
        """The mini-batches that failed for good so far, in input order, with files and tracebacks."""

    @abstractmethod
    def logs(self, kind: LogKind = "script", tail: int | None = None, node: int | None = None) -> str:
        """What the script's processes printed and logged; ``sys``: what parallelrun itself logged.

        ``tail``: only the last lines of each process; ``node``: only that one's. Lines of several processes begin with
        whose they are.
        """

    @abstractmethod
    def download(self, folder: PathLike) -> Path:
        """Copy the output, and what the script wrote itself, into ``folder``; from a cluster also reports and logs."""

    @property
    @abstractmethod
    def outputs(self) -> dict[str, str]:
        """Where its outputs are, by name: those of ``spec.outputs``; ``output``, the folder of the output; and
        ``file``, AppendRow's file in it. Paths, or URLs. Empty before it is done."""

    @property
    @abstractmethod
    def reused_from(self) -> str | None:
        """The earlier job, or run folder, whose results it took over; None where it ran itself."""

    # --- steering ---

    @abstractmethod
    def rerun_failed(self, wait: bool = True, *, sets: Sequence[str] = (), source: PathLike | None = None) -> Run:
        """Run the mini-batches without a success again, as a new run whose output has them all.

        ``sets`` changes fields of the manifest, ``source`` is a folder with a mended script.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Stop it for good. What succeeded is kept."""

    @abstractmethod
    def suspend(self) -> None:
        """Pause it: nothing new starts."""

    @abstractmethod
    def resume(self) -> None:
        """Let a suspended run go on; or, on this machine, one that was interrupted."""


def failed(name: str, status: Status) -> JobFailed:
    """The error for a run that did not succeed, with the first failure's traceback where it is known."""
    if status.phase == "Interrupted":
        said = f" {status.message}" if status.message else ""
        return JobFailed(
            f"{name} was interrupted: nothing runs it.{said}", "What is finished is kept; run.resume() goes on."
        )
    said = f"{status.reason}: {status.message}" if status.message else status.reason or status.phase
    text = f"{name} failed: {said}"
    first = next(iter(status.result.get("firstErrors") or []), None)
    if first is not None:
        trace = str(first.get("traceback") or first.get("error") or first.get("message") or "").rstrip()
        if trace not in text:
            text += f"\nThe first failure, mini-batch {first.get('miniBatch')}:\n{trace}"
    return JobFailed(text, "All failures: run.failures(). Run those again: run.rerun_failed().")


def no_output(name: str, status: Status) -> RunFolderError:
    """The error for a run whose output was asked for too early, or in vain."""
    hint = "What succeeded is kept; see run.failures()." if status.over else "Wait for it: run.wait()."
    return RunFolderError(f"{name} has no output: its phase is {status.phase}.", hint)
