"""A run of a pipeline in a cluster as commands see it, and the few calls that read and steer it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from parallelrun.api.conditions import LABEL_PIPELINE
from parallelrun.api.errors import RunFolderError
from parallelrun.cluster.jobs import Observed, changes
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import PIPELINE_RUNS


@dataclass(frozen=True)
class PipelineRun(Observed):
    """One ParallelRunPipelineRun, as it was at one moment."""

    @property
    def pipeline(self) -> str:
        """The pipeline's name; "" for a run that brings its own."""
        labels = self.obj["metadata"].get("labels") or {}
        return str((self.spec.get("pipeline") or {}).get("name") or labels.get(LABEL_PIPELINE) or "")

    @property
    def parameters(self) -> Json:
        """All of them once the run has begun, else those that it sets."""
        value: Json = self.status.get("parameters") or self.spec.get("parameters") or {}
        return value

    @property
    def steps(self) -> list[Json]:
        """As in the status: ``name``, ``phase``, ``job``, ``reusedFrom``, ``outputs``, ``message`` and times."""
        found: list[Json] = self.status.get("steps") or []
        return found

    @property
    def progress(self) -> str:
        """Steps that have ended of all, such as "2/3"; "" before the run began."""
        return str(self.status.get("progress") or "")


async def read(kube: Kube, name: str) -> PipelineRun:
    """The run of that name in the client's namespace; raises NotFound."""
    return PipelineRun(await kube.get(PIPELINE_RUNS, kube.namespace, name))


async def read_all(kube: Kube, everywhere: bool = False) -> list[PipelineRun]:
    """All runs of the client's namespace, or of all that there are; the newest last."""
    found, _ = await kube.list_objects(PIPELINE_RUNS, None if everywhere else kube.namespace)
    return sorted(map(PipelineRun, found), key=lambda run: (run.created, run.namespace, run.name))


async def steer(kube: Kube, name: str, **spec: bool) -> PipelineRun:
    """Set ``suspend`` or ``cancel`` of its spec. Raises RunFolderError where it is over."""
    run = await read(kube, name)
    if run.over:
        raise RunFolderError(f"Run {run.name} is over: its phase is {run.phase}.")
    return PipelineRun(await kube.patch(PIPELINE_RUNS, kube.namespace, name, {"spec": spec}))


async def follow(kube: Kube, name: str) -> AsyncGenerator[PipelineRun]:
    """The run now and after each change, through outages of the API server; ends when it is deleted.

    Raises NotFound where there is none at first. One that was created again under its name is another run.
    """
    first = await read(kube, name)
    yield first
    async with contextlib.aclosing(changes(kube, PIPELINE_RUNS, first.namespace, name, first.obj)) as found:
        async for obj in found:
            if obj is None or obj["metadata"]["uid"] != first.uid:
                return
            yield PipelineRun(obj)
