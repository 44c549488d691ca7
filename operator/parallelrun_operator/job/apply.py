"""Carries out actions, in their order. Each may have been carried out before, by this process or its predecessor."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.lease_store import KubeStore
from parallelrun.kube.names import Names
from parallelrun.kube.resources import PODS, resource_of
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase
from parallelrun_operator.cache import KINDS, Cache, JobKey, Key
from parallelrun_operator.job.actions import (
    Abort,
    Action,
    Announce,
    Apply,
    Create,
    Delete,
    Expire,
    MarkReported,
    Patch,
    Release,
    SetStatus,
)
from parallelrun_operator.job.announce import announce
from parallelrun_operator.metrics import Metrics
from parallelrun_operator.watchdog import MANAGER

Json = dict[str, Any]

#: What was applied is applied again after so long, or when it is another: it may have been changed by hand.
APPLIED_SECONDS = 600.0


class NotLeading(RuntimeError):
    """This replica may not act any more."""


class Outdated(RuntimeError):
    """What was looked at has changed meanwhile: it is to be looked at again."""


class Applier:
    """Writes for all that one process looks at."""

    def __init__(self, kube: Kube, cache: Cache, metrics: Metrics, leading: Callable[[], bool]) -> None:
        self._kube, self._cache, self._metrics, self._leading = kube, cache, metrics, leading
        self._applied: dict[JobKey, dict[tuple[str, str], tuple[str, float]]] = {}
        #: Told whom a write matters to but the one whose look it belongs to: no watch tells of it any more.
        self.wake: Callable[[set[Key]], None] = lambda _: None

    async def carry_out(self, key: JobKey, actions: tuple[Action, ...]) -> None:
        """Raises KubeError where one failed: those after it were not tried. Raises NotLeading and Outdated."""
        for action in actions:
            if not self._leading():
                raise NotLeading("another replica may act now")
            await self._carry_out(key, action)
            self._metrics.actions.labels(type(action).__name__).inc()

    def applied(self, key: JobKey) -> list[tuple[str, str]]:
        """(kind, name) of what was applied of late, and so is taken to be there."""
        return [
            name for name, (_, when) in self._applied.get(key, {}).items() if time.monotonic() - when < APPLIED_SECONDS
        ]

    def forget(self, key: JobKey) -> None:
        """The job is no more."""
        self._applied.pop(key, None)

    async def _carry_out(self, key: JobKey, action: Action) -> None:
        match action:
            case Apply(obj):
                await self._apply(key, obj)
            case Create(obj):
                await self._create(key, obj)
            case Patch(resource, name, patch):
                with contextlib.suppress(errors.NotFound):  # the watch will tell
                    self._remember(key, await self._kube.patch(resource, key.namespace, name, patch))
            case Delete():
                await self._delete(key, action)
            case Expire(node, holder):
                await self._expire(key, node, holder)
            case Release(holder):
                await self._release(key, holder)
            case Abort(reason, message):
                await self._leases(key).update_header(lambda h: (headers.abort(h, reason, message), None))
            case MarkReported():
                await self._leases(key).update_header(lambda h: (reported(h), None))
            case SetStatus():
                with contextlib.suppress(errors.NotFound):  # likewise
                    await self._set_status(key, action)
            case Announce():
                await announce(self._kube, self._cache.looked_at[key.kind][key], action)

    async def _apply(self, key: JobKey, obj: Json) -> None:
        name, digest = (obj["kind"], obj["metadata"]["name"]), _digest(obj)
        done, when = self._applied.get(key, {}).get(name, ("", 0.0))
        if done == digest and time.monotonic() - when < APPLIED_SECONDS:
            return
        self._remember(key, await self._kube.apply(obj, MANAGER))
        self._applied.setdefault(key, {})[name] = digest, time.monotonic()

    async def _create(self, key: Key, obj: Json) -> None:
        try:
            self._remember(key, await self._kube.create(obj))
        except errors.Conflict:
            self._metrics.conflicts.inc()

    async def _delete(self, key: JobKey, what: Delete) -> None:
        # A Job's pods end before it does, and a ParallelRunJob takes what belongs to it along: both in the background.
        done = await self._kube.delete(
            what.resource, key.namespace, what.name, uid=what.uid, grace_seconds=what.grace_seconds
        )
        if done and what.resource is PODS and what.grace_seconds == 0:
            self._metrics.pods_forced.inc()

    async def _set_status(self, key: JobKey, action: SetStatus) -> None:
        """By the resourceVersion: nothing else keeps the status of a job from one created again under its name."""
        kind = key.kind
        job = self._cache.looked_at[kind][key]
        while job["metadata"]["uid"] == key.uid:
            meta = {name: job["metadata"][name] for name in ("name", "namespace", "resourceVersion")}
            obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "status": action.status}
            try:
                self._remember(key, await self._kube.apply(obj, MANAGER, subresource="status"))
                return
            except errors.Conflict:
                self._metrics.conflicts.inc()
                job = await self._kube.get(kind, key.namespace, key.name)
                if action.unchanged:
                    self._remember(key, job)
                    raise Outdated(f"{kind.kind} {key.name} was changed by somebody else") from None

    async def _expire(self, key: JobKey, node: int, holder: str) -> None:
        leases = self._leases(key)
        if await leases.node(node) is not None:
            await leases.update_node(node, lambda lease: (nodes.expire(lease or _nobody(), holder), None))
        await self._release(key, holder)
        self._metrics.leases_expired.inc()

    async def _release(self, key: JobKey, holder: str) -> None:
        """Give back what ``holder`` has; the node's lease comes first, so that it can claim no more."""
        leases = self._leases(key)
        header = await leases.header()
        for shard in range(header.shards):
            if await leases.shard(shard) is not None:
                await leases.update_shard(shard, lambda it: (allocator.expire(it, holder), None))
        await leases.update_header(lambda h: (headers.revoke(h, holder), None))

    def _leases(self, key: JobKey) -> Leases:
        return Leases(KubeStore(self._kube, key.namespace, Names.of(key.name, key.uid).base, may_create=True))

    def _remember(self, key: Key, obj: Json) -> None:
        """What a write answered is newer than what the watch has told by now."""
        kind = resource_of(obj)
        if kind in KINDS:
            self.wake(self._cache.put(kind, obj) - {key})


def reported(header: Header) -> Header:
    """An aborted job is over, with whatever was reported; unchanged where it is not aborted."""
    if header.phase is not Phase.ABORTED or header.reported:
        return header
    free = header if header.grant is None else headers.revoke(header, header.grant.holder)
    granted, grant = headers.grant_finalizing(free, MANAGER)
    assert grant is not None, "an aborted job's grant was just taken back"
    return headers.finish(granted, grant, header.result)[0]


def _nobody() -> nodes.NodeLease:
    return nodes.NodeLease("", 0)


def _digest(obj: Json) -> str:
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).hexdigest()
