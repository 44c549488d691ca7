"""Reads all that a decision depends on: what the watches saw, and from the API server what they cannot show.

The watches of different kinds are not in step. Where that could be mistaken for a loss (a header that is not there, a
holder that no pod has) the API server is asked; otherwise a look at a job that goes well reads nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CLAIMS, CONFIG_MAPS, EVENTS, JOBS, LEASES, PARALLEL_RUN_JOBS, PODS, Resource
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.node import NodeLease
from parallelrun_operator.cache import Cache, JobKey
from parallelrun_operator.config import Config
from parallelrun_operator.job import state
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.registry import Registry
from parallelrun_operator.job.settings import rerun, reuse
from parallelrun_operator.job.world import World
from parallelrun_operator.strip import stripped

Json = dict[str, Any]

#: (kind, name) of the objects that a job's manifest names, by the registered objects at hand.
Needs = Callable[[Json, Config, Sequence[Json]], Iterable[tuple[str, str]]]

#: What explains why pods are missing is read again only after so long.
REASONS_SECONDS = 5.0
#: Events are read of the Job and of so many of the pods that do not run.
PODS_EXPLAINED = 3
_NEEDED_KINDS = {"ConfigMap": CONFIG_MAPS, "PersistentVolumeClaim": CLAIMS}


@dataclass(frozen=True)
class Reasons:
    """Why pods may be missing, as it was read at ``time`` (monotonic)."""

    time: float
    warnings: tuple[Json, ...] = ()
    missing: tuple[str, ...] = ()


class Gatherer:
    """Makes Worlds."""

    def __init__(self, kube: Kube, cache: Cache, config: Config, needs: Needs) -> None:
        self._kube, self._cache, self._config, self._needs = kube, cache, config, needs
        self._reasons: dict[JobKey, Reasons] = {}
        self._registry = Registry(kube)

    async def world(
        self, key: JobKey, memory: Memory, watching: bool, applied: Collection[tuple[str, str]] = ()
    ) -> World:
        """The job as it is now; ``applied``: (kind, name) of children that are not watched. Raises KubeError."""
        job = self._cache.jobs[key]
        names = Names.of(key.name, key.uid)
        belongings = self._cache.belongings(key).by_kind
        leases = dict(belongings[LEASES])
        nodes = state.nodes(leases, names)
        config_maps = await self._config_maps(key, names)
        header = state.header(config_maps, names)
        pods = await self._pods(key, names, nodes.values())
        child = belongings[JOBS].get(names.base)
        registered = await self._registry.of(key, job, names.settings if names.settings in config_maps else None)
        reasons = Reasons(0.0)
        if _lacks_pods(job, header, child, pods):
            reasons = await self._explained(key, job, registered, child, pods)
        kept = {*(("ConfigMap", name) for name in config_maps), *(("Lease", name) for name in leases)}
        return World(
            config=self._config,
            now=time.monotonic(),
            clock=datetime.now(UTC),
            job=job,
            memory=memory,
            watching=watching,
            header=header,
            shards=state.shards(config_maps, names),
            nodes=nodes,
            child=child,
            children=frozenset({*kept, *applied}),
            pods=pods,
            machines={name: bool(machine["ready"]) for name, machine in self._cache.machines.items()},
            warnings=reasons.warnings,
            missing=reasons.missing,
            registered=registered,
            reusable=await self._reusable(key, job, header),
            earlier=await self._earlier(key, job, header),
        )

    def forget(self, key: JobKey) -> None:
        """The job is no more."""
        self._reasons.pop(key, None)
        self._registry.forget(key)

    async def _config_maps(self, key: JobKey, names: Names) -> dict[str, Json]:
        """Those that the watch saw; header and shards that it did not see are asked for."""
        found = dict(self._cache.belongings(key).by_kind[CONFIG_MAPS])
        await self._ask_for(key, names.header, found)
        header = state.header(found, names)
        for shard in range(header.shards if header is not None else 0):
            await self._ask_for(key, names.shard(shard), found)
        return found

    async def _ask_for(self, key: JobKey, name: str, found: dict[str, Json]) -> None:
        obj = None if name in found else await self._get(CONFIG_MAPS, key.namespace, name)
        if obj is not None:
            found[name] = stripped(CONFIG_MAPS, obj)
            self._cache.put(CONFIG_MAPS, obj)

    async def _pods(self, key: JobKey, names: Names, leases: Iterable[NodeLease | None]) -> list[Json]:
        """The Job's; read anew where a holder is none of them, since it may be newer than what the watch saw."""
        pods = list(self._cache.belongings(key).by_kind[PODS].values())
        known = {pod["metadata"]["uid"] for pod in pods}
        if any(lease is not None and lease.holder and lease.holder not in known for lease in leases):
            labels = f"{LABEL_JOB_UID}={key.uid}"
            found, _ = await self._kube.list_objects(PODS, key.namespace, labels=labels)
            pods = [stripped(PODS, pod) for pod in found]
        return [pod for pod in pods if _made_by(pod, names.base)]

    async def _explained(
        self, key: JobKey, job: Json, registered: Sequence[Json], child: Json | None, pods: list[Json]
    ) -> Reasons:
        known = self._reasons.get(key)
        if known is None or time.monotonic() - known.time > REASONS_SECONDS:
            known = Reasons(
                time.monotonic(),
                tuple(await self._warnings(key, child, pods)),
                tuple(await self._missing(key, job, registered)),
            )
            self._reasons[key] = known
        return known

    async def _warnings(self, key: JobKey, child: Json | None, pods: list[Json]) -> list[Json]:
        waiting = [pod["metadata"]["uid"] for pod in pods if not _runs(pod)][:PODS_EXPLAINED]
        found: list[Json] = []
        for uid in [child["metadata"]["uid"], *waiting] if child is not None else waiting:
            fields = f"involvedObject.uid={uid},type=Warning"
            events, _ = await self._kube.list_objects(EVENTS, key.namespace, fields=fields)
            found += events
        return found

    async def _missing(self, key: JobKey, job: Json, registered: Sequence[Json]) -> list[str]:
        return [
            f"{kind} {name}"
            for kind, name in self._needs(job, self._config, registered)
            if kind in _NEEDED_KINDS and await self._get(_NEEDED_KINDS[kind], key.namespace, name) is None
        ]

    async def _get(self, kind: Resource, namespace: str, name: str) -> Json | None:
        try:
            return await self._kube.get(kind, namespace, name)
        except errors.NotFound:
            return None

    async def _earlier(self, key: JobKey, job: Json, header: Header | None) -> Json | None:
        """The job that spec.rerunOf names; asked for where the watch, which may just begin, has not shown it."""
        name = rerun.name_of(job)
        if not name or (header is not None and (header.generation > 1 or header.phase is not Phase.PLANNING)):
            return None
        return await self._job(key.namespace, name)

    async def _reusable(self, key: JobKey, job: Json, header: Header | None) -> tuple[Json, ...]:
        """Those of the jobs that spec.reuseOf names that there are."""
        if header is not None and header.phase is not Phase.PLANNING:
            return ()
        found = [await self._job(key.namespace, name) for name in reuse.names_of(job)]
        return tuple(one for one in found if one is not None)

    async def _job(self, namespace: str, name: str) -> Json | None:
        """Of that name; asked for where the watch has not shown it."""
        uid = self._cache.uid_of(namespace, name)
        if uid is not None:
            return self._cache.jobs[JobKey(namespace, name, uid)]
        return await self._get(PARALLEL_RUN_JOBS, namespace, name)


def _lacks_pods(job: Json, header: Header | None, child: Json | None, pods: Iterable[Json]) -> bool:
    """Whether fewer pods run than are wanted; a compute target may allow fewer than the job asks for."""
    over = header is not None and header.phase in (Phase.DONE, Phase.ABORTED)
    if over or job["spec"].get("suspend"):
        return False
    wanted = job["spec"].get("nodeCount", 1) if child is None else child["spec"].get("parallelism", 1)
    return sum(_runs(pod) for pod in pods) < int(wanted)


def _runs(pod: Json) -> bool:
    """Running, and so is its agent: init containers are done."""
    ready = any(one.get("started") for one in pod["status"].get("containerStatuses") or ())
    return pod["status"].get("phase") == "Running" and ready and "deletionTimestamp" not in pod["metadata"]


def _made_by(pod: Json, job: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == JOBS.kind and owner.get("name") == job for owner in owners)
