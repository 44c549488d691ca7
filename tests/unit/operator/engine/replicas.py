"""Replicas of the operator for tests: in this process, with short times, and with whatever ``decide`` a test gives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from api_server import ApiServer

from parallelrun.api.conditions import LABEL_JOB, LABEL_JOB_UID
from parallelrun.kube.client import Kube
from parallelrun.kube.errors import Conflict, NotFound, Unavailable
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CRDS, NAMESPACES, PARALLEL_RUN_JOBS, REGISTERED, Resource
from parallelrun_operator import leader, pulse
from parallelrun_operator.cache import LOOKED_AT
from parallelrun_operator.config import Config
from parallelrun_operator.job.actions import Action, Decision
from parallelrun_operator.job.world import World
from parallelrun_operator.replica import Replica

Json = dict[str, Any]

DEFINITIONS = sorted((Path(__file__).parents[4] / "crds").glob("*.yaml"))
LEADER_PACE = leader.Pace(lease=2.0, deadline=1.2, renew=0.3, request=1.0)
PULSE_PACE = pulse.Pace(beat=0.3, dead=3.0, blind=1.5, settle=0.5)
DEADLINE_SECONDS = 30.0

_numbers = itertools.count()


@dataclass
class Decider:
    """A ``decide`` that keeps the Worlds it was shown, and asks for what ``then`` answers."""

    then: Callable[[World], tuple[Action, ...]] = lambda world: ()
    again: float | None = None
    worlds: list[World] = field(default_factory=list)

    def __call__(self, world: World) -> Decision:
        self.worlds.append(world)
        return Decision(self.then(world), world.memory, self.again)

    def last(self, job: Json) -> World | None:
        """The newest World of a job."""
        return next((one for one in reversed(self.worlds) if one.uid == job["metadata"]["uid"]), None)


@dataclass
class Lab:
    """A namespace of its own on the API server."""

    server: ApiServer
    kube: Kube
    namespace: str

    async def job(self, name: str = "job", **spec: Any) -> Json:
        """A ParallelRunJob, applied."""
        spec = {
            "entryScript": "score.py",
            "source": {"configMap": {"name": "code"}},
            "volume": {"claimName": "data"},
            "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
            **spec,
        }
        kind = PARALLEL_RUN_JOBS
        meta = {"name": name, "namespace": self.namespace}
        return await self.kube.create(
            {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}
        )

    def child(self, job: Json, kind: str, name: str, api_version: str = "v1", **rest: Any) -> Json:
        """An object that belongs to ``job``, with its labels and its owner."""
        owned = {**{key: job[key] for key in ("apiVersion", "kind")}, "name": job["metadata"]["name"]}
        meta = {
            "name": name,
            "namespace": self.namespace,
            "labels": {LABEL_JOB: job["metadata"]["name"], LABEL_JOB_UID: job["metadata"]["uid"]},
            "ownerReferences": [{**owned, "uid": job["metadata"]["uid"]}],
        }
        return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}

    def names(self, job: Json) -> Names:
        return Names.of(job["metadata"]["name"], job["metadata"]["uid"])

    @asynccontextmanager
    async def replica(
        self,
        decide: Any,
        identity: str = "replica-0",
        needs: Any = lambda *_: (),
        watch_namespaces: tuple[str, ...] | None = None,
        **parts: Any,
    ) -> AsyncIterator[Replica]:
        """A replica that runs meanwhile, here or in ``watch_namespaces``; what it fails with is raised at its end."""
        watched = (self.namespace,) if watch_namespaces is None else watch_namespaces
        config = Config(namespace=self.namespace, identity=identity, watch_namespaces=watched, port=0)
        async with await self.server.kube() as kube:
            replica = Replica(
                kube, config, decide, needs, **{"pulse_pace": PULSE_PACE, "leader_pace": LEADER_PACE, **parts}
            )
            running = asyncio.ensure_future(replica.run())
            try:
                yield replica
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


@asynccontextmanager
async def lab(server: ApiServer) -> AsyncIterator[Lab]:
    """A lab on ``server``; what is in it stays there, unseen by others."""
    async with await server.kube() as kube:
        name = f"lab-{next(_numbers)}"
        await kube.create({"apiVersion": "v1", "kind": NAMESPACES.kind, "metadata": {"name": name}})
        yield Lab(server, kube, name)


async def install(server: ApiServer) -> None:
    """Make the API server know our kinds, those that it does not know yet."""
    async with await server.kube() as kube:
        definitions = [yaml.safe_load(path.read_text()) for path in DEFINITIONS]
        for one in definitions:
            with suppress(Conflict):
                await kube.create(one)
        for one in definitions:
            while not _established(await kube.get(CRDS, None, one["metadata"]["name"])):
                await asyncio.sleep(0.05)
        for kind in (*LOOKED_AT, *REGISTERED):
            await _listed(kube, kind)


async def _listed(kube: Kube, kind: Resource) -> None:
    """A kind that is established may take a while until objects of it can be kept."""
    while True:
        with suppress(Unavailable, NotFound):
            await kube.list_objects(kind)
            return
        await asyncio.sleep(0.05)


def _established(crd: Json) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


async def until(true: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait for ``true()``, and return it; fails with ``what`` was waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (value := true()):
        assert loop.time() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
    return value
