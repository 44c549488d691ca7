"""A pipeline's run in a cluster: a ParallelRunPipelineRun, by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

from parallelrun.api.errors import RunFolderError
from parallelrun.client.cluster_run import ClusterRun
from parallelrun.client.kube_calls import call
from parallelrun.client.pipeline_run import PipelineRun, PipelineStatus, StepRun, Value
from parallelrun.cluster import pipeline_submission, pipelines
from parallelrun.cluster.place import Place
from parallelrun.kube.client import Json, Kube

T = TypeVar("T")


class ClusterPipelineRun(PipelineRun):
    """See :class:`parallelrun.client.pipeline_run.PipelineRun`."""

    where = "cluster"

    def __init__(self, name: str, pipeline: str, place: Place) -> None:
        """``place``: with the namespace."""
        self._name, self._pipeline, self._place = name, pipeline, place

    def __repr__(self) -> str:
        return f"<PipelineRun {self._name}: in the cluster, namespace {self._place.namespace}>"

    @property
    def name(self) -> str:
        """metadata.name."""
        return self._name

    @property
    def pipeline(self) -> str:
        """The name of the pipeline; "" for a run that brings its own."""
        return self._pipeline

    @property
    def namespace(self) -> str:
        """The run's namespace."""
        return self._place.namespace or "default"

    @property
    def folder(self) -> Path:
        """There is none here."""
        raise RunFolderError(
            f"The files of {self._name} are in the cluster.", "Fetch a step's: run.step(NAME).run.download(folder)."
        )

    def status(self) -> PipelineStatus:
        """How it is now."""
        run = self._read()
        return PipelineStatus(run.phase, run.message, run.parameters)

    @property
    def steps(self) -> list[StepRun]:
        """Its steps; none before the operator has seen it."""
        return [self._step(one) for one in self._read().steps]

    def _step(self, value: Json) -> StepRun:
        job = str(value.get("job") or "")
        return StepRun(
            str(value["name"]),
            str(value.get("phase") or "Waiting"),
            str(value.get("reusedFrom") or "") or None,
            ClusterRun(job, self._place) if job else None,
            {str(name): str(place) for name, place in (value.get("outputs") or {}).items()},
            str(value.get("message") or ""),
        )

    def _join(self, timeout: float | None, tell: Callable[[], None]) -> bool:
        async def work(kube: Kube) -> bool:
            try:
                async with asyncio.timeout(timeout), aclosing(pipelines.follow(kube, self._name)) as found:
                    async for run in found:
                        await asyncio.to_thread(tell)  # which makes calls of its own
                        if run.over:
                            return True
            except TimeoutError:
                return False
            raise RunFolderError(f"Run {self._name} was deleted.")

        return self._call(work)

    def rerun_failed(self, wait: bool = True) -> PipelineRun:
        """What failed again, as a new run."""

        async def work(kube: Kube) -> pipelines.PipelineRun:
            return await pipeline_submission.rerun_failed(kube, await pipelines.read(kube, self._name))

        run = ClusterPipelineRun(self._call(work).name, self._pipeline, self._place)
        return run.wait() if wait else run

    def cancel(self) -> None:
        """Stop it for good."""
        self._call(lambda kube: pipelines.steer(kube, self._name, cancel=True))

    def suspend(self) -> None:
        """Pause it."""
        self._call(lambda kube: pipelines.steer(kube, self._name, suspend=True))

    def resume(self) -> None:
        """Let it go on."""
        self._call(lambda kube: pipelines.steer(kube, self._name, suspend=False))

    def _read(self) -> pipelines.PipelineRun:
        return self._call(lambda kube: pipelines.read(kube, self._name))

    def _call(self, work: Callable[[Kube], Awaitable[T]]) -> T:
        return call(self._place, work)


def submit(text: str, path: Path, place: Place, given: Mapping[str, Value], **spec: Any) -> ClusterPipelineRun:
    """Apply the pipeline of YAML ``text``, as if it were in the file ``path``, and create a run of it.

    ``spec``: more fields of the run. Raises ManifestError and KubeError.
    """

    async def work(kube: Kube) -> pipelines.PipelineRun:
        made = pipeline_submission.make(text, given, place.namespace, kube.namespace, name=str(path), **spec)
        run = await pipeline_submission.submit(kube, made)
        assert run is not None  # a run was asked for
        return run

    return _run(call(place, work), place)


def get(name: str, place: Place) -> ClusterPipelineRun:
    """A run in the cluster, by its name. Raises NotFound."""
    return _run(call(place, lambda kube: pipelines.read(kube, name)), place)


def _run(run: pipelines.PipelineRun, place: Place) -> ClusterPipelineRun:
    return ClusterPipelineRun(run.name, run.pipeline, Place(run.namespace, place.context, place.kubeconfig))
