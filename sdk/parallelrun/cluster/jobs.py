"""A ParallelRunJob as commands see it, and the few calls that read and steer it; what it has in common with others."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parallelrun.api import conditions, layout, pod_layout
from parallelrun.api.errors import RunFolderError
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CONFIG_MAPS, PARALLEL_RUN_JOBS, Resource

#: A watch is renewed after so long; and after an outage things are looked at anew so soon.
WATCH_SECONDS, RETRY_SECONDS = 240.0, 2.0


@dataclass(frozen=True)
class Observed:
    """A job, or a run of a pipeline, as it was at one moment."""

    obj: Json

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """metadata.namespace."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        """metadata.uid."""
        return str(self.obj["metadata"]["uid"])

    @property
    def spec(self) -> Json:
        """As it was applied, with the API server's defaults."""
        value: Json = self.obj.get("spec") or {}
        return value

    @property
    def status(self) -> Json:
        """As the operator wrote it; empty before it has seen the object."""
        value: Json = self.obj.get("status") or {}
        return value

    @property
    def phase(self) -> str:
        """As in the status; Pending before the operator has seen the object."""
        return str(self.status.get("phase") or "Pending")

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.is_true(conditions.COMPLETE) or self.is_true(conditions.FAILED)

    @property
    def done(self) -> bool:
        """Whether it has ended well: what it wrote is whole."""
        return self.is_true(conditions.COMPLETE)

    @property
    def reason(self) -> str:
        """Why it failed, in CamelCase; "" where it has not."""
        return str(self._condition(conditions.FAILED).get("reason") or "") if self.is_true(conditions.FAILED) else ""

    @property
    def message(self) -> str:
        """Why it failed, or why it waits, for people."""
        for kind in (conditions.FAILED, conditions.STALLED):
            if self.is_true(kind):
                return str(self._condition(kind).get("message") or "")
        return ""

    @property
    def stalled(self) -> str:
        """Why it does not get on; "" where it does, or where it is over."""
        return self.message if self.is_true(conditions.STALLED) and not self.over else ""

    @property
    def created(self) -> float:
        """Unix time."""
        return unix_time(self.obj["metadata"].get("creationTimestamp")) or 0.0

    def is_true(self, kind: str) -> bool:
        """Whether that condition holds."""
        return self._condition(kind).get("status") == "True"

    def _condition(self, kind: str) -> Json:
        found = (one for one in self.status.get("conditions") or [] if one.get("type") == kind)
        return next(found, {})


@dataclass(frozen=True)
class Job(Observed):
    """One job, as it was at one moment."""

    @property
    def names(self) -> Names:
        """Of its children."""
        return Names.of(self.name, self.uid)

    @property
    def began(self) -> bool:
        """Whether a node ever started, so that the job's folder is there."""
        return bool(self.status.get("startTime"))

    @property
    def preparing(self) -> str:
        """What its pods do before they work, where that takes long; "" where they do nothing of the kind."""
        running = self._condition(conditions.RUNNING)
        return str(running.get("message") or "") if running.get("reason") == conditions.INSTALLING_PACKAGES else ""

    @property
    def claim(self) -> str:
        """The claim that the job's folder is on."""
        said = (self.status.get("resolved") or {}).get("claim")  # a compute target may name it
        return str(said or (self.spec.get("volume") or {}).get("claimName") or "parallelrun")

    @property
    def folder(self) -> str:
        """The job's folder, from the claim's root."""
        return pod_layout.job_folder(self.namespace, self.name, self.uid)


def unix_time(stamp: Any) -> float | None:
    """Of a time as Kubernetes writes it."""
    return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) and stamp else None


async def read_with_registered(kube: Kube, name: str) -> tuple[Job, list[Json]]:
    """As :func:`read`, with the registered objects that the job began with; none where the operator kept none."""
    job = await read(kube, name)
    try:
        data = (await kube.get(CONFIG_MAPS, job.namespace, job.names.settings)).get("data") or {}
    except errors.NotFound:
        data = {}
    return job, json.loads(data.get(layout.REGISTERED, "[]"))


async def read(kube: Kube, name: str) -> Job:
    """The job of that name in the client's namespace; raises NotFound."""
    return Job(await kube.get(PARALLEL_RUN_JOBS, kube.namespace, name))


async def read_all(kube: Kube, everywhere: bool) -> list[Job]:
    """All jobs of the client's namespace, or of all that there are; the newest last."""
    found, _ = await kube.list_objects(PARALLEL_RUN_JOBS, None if everywhere else kube.namespace)
    return sorted(map(Job, found), key=lambda job: (job.created, job.namespace, job.name))


async def change(kube: Kube, name: str, **spec: Any) -> Job:
    """Set fields of its spec."""
    return Job(await kube.patch(PARALLEL_RUN_JOBS, kube.namespace, name, {"spec": spec}))


async def steer(kube: Kube, name: str, **spec: Any) -> Job:
    """Set fields of the spec of a job that still goes on. Raises RunFolderError where it is over."""
    job = await read(kube, name)
    if job.over:
        raise RunFolderError(f"Job {job.name} is over: its phase is {job.phase}.")
    return await change(kube, name, **spec)


async def follow(kube: Kube, name: str) -> AsyncGenerator[Job]:
    """The job now and after each change, through outages of the API server; ends when it is deleted.

    Raises NotFound where there is none at first. One that was created again under its name is another job.
    """
    first = await read(kube, name)
    yield first
    async with contextlib.aclosing(changes(kube, PARALLEL_RUN_JOBS, first.namespace, name, first.obj)) as found:
        async for obj in found:
            if obj is None or obj["metadata"]["uid"] != first.uid:
                return
            yield Job(obj)


async def changes(
    kube: Kube, resource: Resource, namespace: str, name: str, current: Json
) -> AsyncGenerator[Json | None]:
    """Each change of an object after ``current``; None, at the end, when it is deleted."""
    seen = current["metadata"]["resourceVersion"]
    named = {"apiVersion": resource.api_version, "kind": resource.kind}
    version = seen
    while True:
        with contextlib.suppress(errors.Gone, errors.Unavailable):
            fields = f"metadata.name={name}"
            watch = kube.watch(resource, namespace, version=version, seconds=WATCH_SECONDS, fields=fields)
            async with contextlib.aclosing(watch) as events:
                async for kind, obj in events:
                    if kind == "DELETED":
                        yield None
                        return
                    seen = version = obj["metadata"]["resourceVersion"]
                    yield {**named, **obj}
        await asyncio.sleep(RETRY_SECONDS)
        try:
            obj = await kube.get(resource, namespace, name)
        except errors.NotFound:
            yield None
            return
        except errors.Unavailable:
            continue
        version = obj["metadata"]["resourceVersion"]
        if version != seen:
            seen = version
            yield obj
