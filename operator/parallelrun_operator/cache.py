"""What the watches last saw of every job and of what belongs to it: only what looks need, grouped by job.

An object is replaced by a newer one only: watches and answers of our own writes bring the same object by two ways.
A watch that had to begin anew does not say what was deleted meanwhile; :func:`lacking` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.kube.resources import (
    CONFIG_MAPS,
    JOBS,
    LEASES,
    NODES,
    PARALLEL_RUN_JOBS,
    PODS,
    Resource,
)
from parallelrun_operator.strip import stripped

Json = dict[str, Any]

#: What is watched.
KINDS = (PARALLEL_RUN_JOBS, CONFIG_MAPS, LEASES, JOBS, PODS, NODES)


class JobKey(NamedTuple):
    """One job; a job that is created again under its name is another."""

    namespace: str
    name: str
    uid: str


@dataclass
class Belongings:
    """What carries one job's UID in its namespace, by name."""

    by_kind: dict[Resource, dict[str, Json]] = field(
        default_factory=lambda: {kind: {} for kind in (CONFIG_MAPS, LEASES, JOBS, PODS)}
    )

    def __bool__(self) -> bool:
        return any(self.by_kind.values())


class Cache:
    """For one event loop."""

    def __init__(self) -> None:
        self.jobs: dict[JobKey, Json] = {}
        self.machines: dict[str, Json] = {}
        self._names: dict[tuple[str, str], JobKey] = {}  # (namespace, uid)
        self._belongings: dict[tuple[str, str], Belongings] = {}

    def put(self, kind: Resource, obj: Json) -> set[JobKey]:
        """Remember ``obj``; the jobs that this may matter to."""
        obj = stripped(kind, obj)
        meta = obj["metadata"]
        if kind is NODES:
            before = self.machines.get(meta["name"])
            self.machines[meta["name"]] = obj
            return set() if before == obj else self._with_pods_on(meta["name"])
        if kind is PARALLEL_RUN_JOBS:
            key = _key(meta)
            self._names[meta["namespace"], meta["uid"]] = key
            return {key} if _replace(self.jobs, key, obj) else set()
        group = _group(meta)
        if group is None:
            return set()
        objects = self._belongings.setdefault(group, Belongings()).by_kind[kind]
        return self._jobs_of(group) if _replace(objects, meta["name"], obj) else set()

    def discard(self, kind: Resource, meta: Json) -> set[JobKey]:
        """Forget the object with this metadata; the jobs that this may matter to."""
        if kind is NODES:
            self.machines.pop(meta["name"], None)
            return self._with_pods_on(meta["name"])
        if kind is PARALLEL_RUN_JOBS:
            self.jobs.pop(_key(meta), None)
            self._names.pop((meta["namespace"], meta["uid"]), None)
            return {_key(meta)}
        group = _group(meta)
        if group is None or group not in self._belongings:
            return set()
        objects = self._belongings[group].by_kind[kind]
        if objects.get(meta["name"], {}).get("metadata", {}).get("uid") == meta["uid"]:
            del objects[meta["name"]]
        if not self._belongings[group]:
            del self._belongings[group]
        return self._jobs_of(group)

    def belongings(self, key: JobKey) -> Belongings:
        """What belongs to a job; empty where nothing does."""
        return self._belongings.get((key.namespace, key.uid)) or Belongings()

    def uid_of(self, namespace: str, name: str) -> str | None:
        """Of the job of this name, where there is one."""
        return next((key.uid for key in self.jobs if key[:2] == (namespace, name)), None)

    def metadata(self, kind: Resource, namespace: str | None = None) -> list[Json]:
        """Of everything of a kind that is remembered, in a namespace or everywhere."""
        if kind is NODES:
            return [obj["metadata"] for obj in self.machines.values()]
        if kind is PARALLEL_RUN_JOBS:
            found: Iterable[Json] = self.jobs.values()
        else:
            found = (obj for group in self._belongings.values() for obj in group.by_kind[kind].values())
        return [obj["metadata"] for obj in found if namespace in (None, obj["metadata"]["namespace"])]

    def _jobs_of(self, group: tuple[str, str]) -> set[JobKey]:
        return {self._names[group]} if group in self._names else set()

    def _with_pods_on(self, machine: str) -> set[JobKey]:
        found: set[JobKey] = set()
        for group, belongings in self._belongings.items():
            if any(pod["spec"].get("nodeName") == machine for pod in belongings.by_kind[PODS].values()):
                found |= self._jobs_of(group)
        return found


def lacking(these: Iterable[Json], those: Iterable[Json]) -> list[Json]:
    """Metadata of ``these`` objects that are none of ``those``."""
    uids = {meta["uid"] for meta in those}
    return [meta for meta in these if meta["uid"] not in uids]


def _key(meta: Json) -> JobKey:
    return JobKey(meta["namespace"], meta["name"], meta["uid"])


def _group(meta: Json) -> tuple[str, str] | None:
    uid = (meta.get("labels") or {}).get(LABEL_JOB_UID)
    return None if uid is None else (meta["namespace"], uid)


def _replace(objects: dict[Any, Json], key: Any, obj: Json) -> bool:
    """Whether ``obj`` is new, or newer than what is there, and now is."""
    before = objects.get(key)
    if before is not None and _version(before) >= _version(obj):
        return False
    objects[key] = obj
    return True


def _version(obj: Json) -> int:
    """Versions grow over all objects of a kind, so also from an object to another of its name."""
    return int(obj["metadata"]["resourceVersion"])
