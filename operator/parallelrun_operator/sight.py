"""What the watches tell, sorted: objects into the cache, keys into the queue, heartbeats to the watchdog.

Watches that begin anew do not say what was deleted while they were away. So when they did, and every few minutes in
any case, the metadata of all that is remembered is compared with what there is. Something that is there, and the next
time still not remembered, shows that a watch is blind, of whatever kind: then all of them begin anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import NODES, Resource
from parallelrun_operator.cache import KINDS, LOOKED_AT, Cache, Key, lacking
from parallelrun_operator.metrics import Metrics
from parallelrun_operator.queueing import Queue
from parallelrun_operator.watchdog import Watchdog

log = logging.getLogger(__name__)

Json = dict[str, Any]

COMPARE_SECONDS = 300.0
#: After watches began anew; lists of several kinds then come at about the same time.
COMPARE_SOON_SECONDS = 1.0
COMPARE_AGAIN_SECONDS = 10.0  # after it failed, or found what was not seen


class Sight:
    """The sink of :class:`parallelrun_operator.watches.Watches`."""

    def __init__(
        self,
        kube: Kube,
        cache: Cache,
        queue: Queue[Key],
        watchdog: Watchdog,
        metrics: Metrics,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        """``namespaces``: whose jobs are run; none means all."""
        self._kube, self._cache, self._queue = kube, cache, queue
        self._watchdog, self._metrics, self._namespaces = watchdog, metrics, namespaces
        self.complete = asyncio.Event()  # everything there is has been seen at least once
        self._compare = asyncio.Event()
        self._unseen: set[str] = set()  # uids that were there, and not remembered, when they were last compared
        self.blind: Callable[[], None] = lambda: None  # told when watches do not show what there is

    def started(self) -> None:
        """The watches begin, or begin anew."""
        self._watchdog.pulse.started()

    def put(self, kind: Resource, obj: Json) -> None:
        """An object as it is now."""
        if not self._watchdog.recognize(kind, obj) and self._concerns_us(kind, obj):
            self.wake(self._cache.put(kind, obj))

    def changed(self, kind: Resource, event: str | None, obj: Json) -> None:
        """What happened to it; :meth:`put` was called for it already, unless it was deleted."""
        if self._watchdog.recognize(kind, obj):
            if event != "DELETED" and self._watchdog.seen(kind, obj):
                self._whole()
        elif event == "DELETED":
            self.wake(self._cache.discard(kind, obj["metadata"]))
        elif event is None and self.complete.is_set():
            self.compare_soon()

    async def compare(self) -> None:
        """Find what came or went unseen, whenever that is due, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(COMPARE_SECONDS):
                    await self._compare.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(COMPARE_SOON_SECONDS)
            self._compare.clear()
            if self.complete.is_set():
                await self._compare_all()

    def compare_soon(self) -> None:
        """Something may have been missed."""
        self._compare.set()

    def wake(self, keys: set[Key]) -> None:
        """They are looked at."""
        for key in keys:
            self._queue.add(key)

    def wake_all(self) -> None:
        """Everything is looked at; what is held back after failures too."""
        self._queue.forgive()
        self.wake(self._cache.keys())

    def _whole(self) -> None:
        """Heartbeats came through the watches that were started last: whatever there is has been listed."""
        if self.complete.is_set():
            log.info("watching again")
        else:
            log.info("watching; %d jobs are there", len(self._cache.jobs))
        self.complete.set()
        self.compare_soon()
        self.wake_all()

    def _concerns_us(self, kind: Resource, obj: Json) -> bool:
        """The operator's own namespace is watched for its heartbeats, also where its jobs are not run."""
        return kind is NODES or not self._namespaces or obj["metadata"]["namespace"] in self._namespaces

    async def _compare_all(self) -> None:
        before, self._unseen = self._unseen, set()
        for kind in KINDS:
            for namespace in self._namespaces if self._namespaces and kind is not NODES else (None,):
                try:
                    await self._compare_kind(kind, namespace)
                except errors.KubeError as error:
                    log.warning("could not compare %s with what is there; tried again: %s", kind.plural, error)
                    self._compare_later()
                    return
        if before & self._unseen:
            log.error("watches do not show %d objects that are there; they begin anew", len(before & self._unseen))
            self._unseen.clear()
            self.blind()
        elif self._unseen:
            self._compare_later()

    def _compare_later(self) -> None:
        asyncio.get_running_loop().call_later(COMPARE_AGAIN_SECONDS, self.compare_soon)

    async def _compare_kind(self, kind: Resource, namespace: str | None) -> None:
        remembered = self._cache.metadata(kind, namespace)  # before the list: what comes meanwhile is no ghost
        labels = "" if kind in (*LOOKED_AT, NODES) else LABEL_JOB_UID
        try:
            present = await self._kube.list_metadata(kind, namespace, labels)
        except errors.NotFound:  # the cluster's definitions are older than this operator
            present = []
        for meta in lacking(remembered, present):
            log.info("%s %s was deleted unseen", kind.kind, meta["name"])
            self._metrics.ghosts.inc()
            self.wake(self._cache.discard(kind, meta))
        ours = (meta for meta in present if not self._watchdog.recognize(kind, {"metadata": meta}))
        self._unseen |= {meta["uid"] for meta in lacking(ours, self._cache.metadata(kind, namespace))}
