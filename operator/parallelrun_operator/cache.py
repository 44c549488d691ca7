"""What the watches last saw of every job, pipeline and pipeline run, and of what belongs to them: only what looks need.

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
    PIPELINE_RUNS,
    PIPELINES,
    PODS,
    Resource,
)
from parallelrun_operator.strip import stripped

Json = dict[str, Any]

#: What people make, and what is looked at.
LOOKED_AT = (PARALLEL_RUN_JOBS, PIPELINES, PIPELINE_RUNS)
#: What is watched.
KINDS = (*LOOKED_AT, CONFIG_MAPS, LEASES, JOBS, PODS, NODES)


class Key(NamedTuple):
    """One object that is looked at; one that is created again under its name is another."""

    namespace: str
    name: str
    uid: str
    kind: Resource = PARALLEL_RUN_JOBS


#: Of a ParallelRunJob.
JobKey = Key


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
        self.looked_at: dict[Resource, dict[Key, Json]] = {kind: {} for kind in LOOKED_AT}
        self.machines: dict[str, Json] = {}
        self._names: dict[tuple[str, str], Key] = {}  # (namespace, uid)
        self._owned: dict[tuple[str, str], set[Key]] = {}  # by the owner's (namespace, uid)
        self._belongings: dict[tuple[str, str], Belongings] = {}

    @property
    def jobs(self) -> dict[Key, Json]:
        """Every ParallelRunJob."""
        return self.looked_at[PARALLEL_RUN_JOBS]

    def get(self, key: Key) -> Json | None:
        """The object as it was last seen; None where it is gone."""
        return self.looked_at[key.kind].get(key)

    def keys(self) -> set[Key]:
        """Of all that is looked at."""
        return {key for objects in self.looked_at.values() for key in objects}

    def put(self, kind: Resource, obj: Json) -> set[Key]:
        """Remember ``obj``; whom this may matter to."""
        obj = stripped(kind, obj)
        meta = obj["metadata"]
        if kind is NODES:
            before = self.machines.get(meta["name"])
            self.machines[meta["name"]] = obj
            return set() if before == obj else self._with_pods_on(meta["name"])
        if kind in LOOKED_AT:
            return self._put_looked_at(kind, obj)
        group = _group(meta)
        if group is None:
            return set()
        objects = self._belongings.setdefault(group, Belongings()).by_kind[kind]
        return self._keys_of(group) if _replace(objects, meta["name"], obj) else set()

    def discard(self, kind: Resource, meta: Json) -> set[Key]:
        """Forget the object with this metadata; whom this may matter to."""
        if kind is NODES:
            self.machines.pop(meta["name"], None)
            return self._with_pods_on(meta["name"])
        if kind in LOOKED_AT:
            return self._discard_looked_at(kind, meta)
        group = _group(meta)
        if group is None or group not in self._belongings:
            return set()
        objects = self._belongings[group].by_kind[kind]
        if objects.get(meta["name"], {}).get("metadata", {}).get("uid") == meta["uid"]:
            del objects[meta["name"]]
        if not self._belongings[group]:
            del self._belongings[group]
        return self._keys_of(group)

    def belongings(self, key: Key) -> Belongings:
        """What belongs to a job; empty where nothing does."""
        return self._belongings.get((key.namespace, key.uid)) or Belongings()

    def owned(self, key: Key) -> dict[Key, Json]:
        """What is looked at and has this object as its owner: a run's jobs, a pipeline's runs."""
        return {one: self.looked_at[one.kind][one] for one in self._owned.get((key.namespace, key.uid), ())}

    def uid_of(self, namespace: str, name: str, kind: Resource = PARALLEL_RUN_JOBS) -> str | None:
        """Of the object of this name, where there is one."""
        return next((key.uid for key in self.looked_at[kind] if key[:2] == (namespace, name)), None)

    def metadata(self, kind: Resource, namespace: str | None = None) -> list[Json]:
        """Of everything of a kind that is remembered, in a namespace or everywhere."""
        if kind is NODES:
            return [obj["metadata"] for obj in self.machines.values()]
        if kind in LOOKED_AT:
            found: Iterable[Json] = self.looked_at[kind].values()
        else:
            found = (obj for group in self._belongings.values() for obj in group.by_kind[kind].values())
        return [obj["metadata"] for obj in found if namespace in (None, obj["metadata"]["namespace"])]

    def _put_looked_at(self, kind: Resource, obj: Json) -> set[Key]:
        meta = obj["metadata"]
        key = _key(kind, meta)
        self._names[meta["namespace"], meta["uid"]] = key
        before = self.looked_at[kind].get(key)
        if not _replace(self.looked_at[kind], key, obj):
            return set()
        self._disown(key, before)
        for owner in _owners(meta):
            self._owned.setdefault(owner, set()).add(key)
        return {key} | self._related(key, meta)

    def _discard_looked_at(self, kind: Resource, meta: Json) -> set[Key]:
        key = _key(kind, meta)
        known = self.looked_at[kind].pop(key, None) or {"metadata": meta}
        self._names.pop((meta["namespace"], meta["uid"]), None)
        related = self._related(key, known["metadata"])
        self._disown(key, known)
        return {key} | related

    def _disown(self, key: Key, obj: Json | None) -> None:
        for owner in _owners(obj["metadata"]) if obj is not None else ():
            self._owned.get(owner, set()).discard(key)
            if not self._owned.get(owner):
                self._owned.pop(owner, None)

    def _related(self, key: Key, meta: Json) -> set[Key]:
        """Owners of an object, and pipeline runs that name it."""
        owners = {self._names[owner] for owner in _owners(meta) if owner in self._names}
        if key.kind is PARALLEL_RUN_JOBS:
            return owners
        runs = self.looked_at[PIPELINE_RUNS].items()
        return owners | {one for one, run in runs if one.namespace == key.namespace and _names(run, key)}

    def _keys_of(self, group: tuple[str, str]) -> set[Key]:
        return {self._names[group]} if group in self._names else set()

    def _with_pods_on(self, machine: str) -> set[Key]:
        found: set[Key] = set()
        for group, belongings in self._belongings.items():
            if any(pod["spec"].get("nodeName") == machine for pod in belongings.by_kind[PODS].values()):
                found |= self._keys_of(group)
        return found


def lacking(these: Iterable[Json], those: Iterable[Json]) -> list[Json]:
    """Metadata of ``these`` objects that are none of ``those``."""
    uids = {meta["uid"] for meta in those}
    return [meta for meta in these if meta["uid"] not in uids]


def _key(kind: Resource, meta: Json) -> Key:
    return Key(meta["namespace"], meta["name"], meta["uid"], kind)


def _owners(meta: Json) -> list[tuple[str, str]]:
    return [(meta["namespace"], owner["uid"]) for owner in meta.get("ownerReferences") or ()]


def _names(run: Json, key: Key) -> bool:
    """Whether a pipeline run's spec names that pipeline or run."""
    field = "pipeline" if key.kind is PIPELINES else "rerunFailed"
    return bool((run["spec"].get(field) or {}).get("name") == key.name)


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
