"""A run of a pipeline, on this machine or in a cluster, and its steps."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from parallelrun.api.errors import JobFailed, ParallelRunError
from parallelrun.client.job import PathLike

if TYPE_CHECKING:
    from parallelrun.client.run import Run

Value = str | int | float | bool
#: Phases of a run that does not go on.
ENDED = ("Succeeded", "Failed", "Cancelled", "Interrupted")


@dataclass(frozen=True)
class PipelineStatus:
    """A pipeline's run at one moment."""

    phase: str
    message: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)  # all of them, defaults too

    @property
    def over(self) -> bool:
        """Whether it does not go on."""
        return self.phase in ENDED

    @property
    def done(self) -> bool:
        """Whether every step has succeeded, or its result was reused."""
        return self.phase == "Succeeded"


@dataclass(frozen=True)
class StepRun:
    """A step of a run at one moment."""

    name: str
    phase: str  # Waiting, Running, Suspended, Succeeded, Reused, Failed, Skipped or Cancelled
    reused_from: str | None = None  # the run folder, or the job, whose result was taken over
    run: Run | None = None  # of its job or program; None before it began, and where it never did
    outputs: Mapping[str, str] = field(default_factory=dict)  # where they are; output and file: a job's own
    message: str = ""  # why it failed or was skipped


class PipelineRun(ABC):
    """One run of a pipeline. Every method asks anew.

    Methods raise subclasses of ParallelRunError, with what to do.
    """

    #: Where it runs.
    where: Literal["local", "cluster"]

    @staticmethod
    def open(folder: PathLike) -> PipelineRun:
        """A run on this machine: its folder, its name below ``./runs``, or the name of a pipeline, whose newest run it
        is. Raises RunFolderError."""
        from parallelrun.client.local_pipeline_run import LocalPipelineRun
        from parallelrun.local.pipelines import folder as folders
        from parallelrun.local.run_folder import RUNS

        found = next((path for path in (Path(folder), Path(RUNS) / folder) if path.exists()), None)
        return LocalPipelineRun(folders.newest(str(folder)) if found is None else folders.existing(found))

    @staticmethod
    def get(
        name: str, namespace: str | None = None, context: str | None = None, kubeconfig: PathLike | None = None
    ) -> PipelineRun:
        """A ParallelRunPipelineRun in a cluster. Raises NotFound (a KubeError) where there is none."""
        from parallelrun.client import cluster_pipeline_run
        from parallelrun.cluster.place import Place

        place = Place(namespace, context, None if kubeconfig is None else os.fspath(kubeconfig))
        return cluster_pipeline_run.get(name, place)

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the run."""

    @property
    @abstractmethod
    def pipeline(self) -> str:
        """The name of the pipeline."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """The run's folder on this machine; raises RunFolderError for a run in a cluster."""

    @abstractmethod
    def status(self) -> PipelineStatus:
        """How it is now."""

    @property
    def phase(self) -> str:
        """Preparing (local), Pending (cluster), Running, Suspended; at the end Succeeded, Failed or Cancelled, or
        Interrupted where nothing runs a local run that has not ended."""
        return self.status().phase

    @property
    def parameters(self) -> dict[str, Value]:
        """The values of all parameters."""
        return dict(self.status().parameters)

    @property
    @abstractmethod
    def steps(self) -> list[StepRun]:
        """Its steps, each after all that it needs."""

    def step(self, name: str) -> StepRun:
        """One of its steps. Raises ParallelRunError where there is none of that name."""
        steps = self.steps
        for step in steps:
            if step.name == name:
                return step
        there = ", ".join(step.name for step in steps) or "none yet"
        raise ParallelRunError(f"{self.name} has no step {name}.", f"Its steps: {there}.")

    def wait(self, timeout: float | None = None, show: bool = False, check: bool = True) -> Self:
        """Wait for its end, and give the run itself.

        ``show`` prints a line whenever a step's phase changes. Raises TimeoutError after ``timeout`` seconds, and where
        ``check``, JobFailed for a run that did not succeed, or the error that kept it from starting.
        An interrupt (Ctrl-C, the stop button) ends the waiting, not the run.
        """
        said: dict[str, str] = {}

        def tell() -> None:
            for step in self.steps if show else ():
                if said.get(step.name, "Waiting") != step.phase:
                    said[step.name] = step.phase
                    print(_line(step), flush=True)

        ended = self._join(timeout, tell)
        tell()
        if not ended:
            raise TimeoutError(f"{self.name} still goes on after {timeout:g} seconds: {self.phase}.")
        if check:
            self._check()
        return self

    def _check(self) -> None:
        status = self.status()
        if status.done:
            return
        if status.phase == "Interrupted":
            hint = "What is finished is kept; run.resume() goes on."
            raise JobFailed(f"{self.name} was interrupted: nothing runs it. {status.message}".rstrip(), hint)
        bad = [step for step in self.steps if step.phase == "Failed"]
        lines = [f"{self.name}: {status.phase}{': ' if status.message else ''}{status.message}"]
        lines += [f"step {step.name} failed: {step.message}" for step in bad]
        raise JobFailed("\n".join(lines), "See run.step(NAME).run.failures(); run.rerun_failed() goes on from there.")

    @abstractmethod
    def _join(self, timeout: float | None, tell: Callable[[], None]) -> bool:
        """Wait for its end, ``timeout`` seconds at most; whether it has ended. ``tell`` is called now and then."""

    @abstractmethod
    def rerun_failed(self, wait: bool = True) -> PipelineRun:
        """A new run with what failed: steps that succeeded are reused, a job goes on from what succeeded of it."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop it for good."""

    @abstractmethod
    def suspend(self) -> None:
        """Pause it: no step starts, and those that run pause."""

    @abstractmethod
    def resume(self) -> None:
        """Let a suspended run go on; or, on this machine, one that was interrupted."""


def _line(step: StepRun) -> str:
    note = f" from {step.reused_from}" if step.reused_from else f": {step.message}" if step.message else ""
    return f"{step.name}: {step.phase}{note}"
