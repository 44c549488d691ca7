"""The lease store on the API server: a ConfigMap for the header and for each shard, a Lease for each node.

The operator makes the objects, empty; agents fill and change them and may create none. A swap is one PUT of the object
as it was last read, with its resourceVersion, so that whatever others keep on it (labels, owners) stays.

While the API server is away, calls wait for it: work on the data goes on meanwhile. A write whose answer was lost may
have happened or not, and a lease that was granted to a holder that never hears of it would stay out for ever. So
ConfigMaps name their latest writes: who has to try again finds out whether the first try won, also where others have
written since.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from parallelrun.api.group import GROUP
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CONFIG_MAPS, LEASES, Resource
from parallelrun.leases.store import HEADER, StoreGone, node_name, shard_name

log = logging.getLogger(__name__)
T = TypeVar("T")

#: The key of a ConfigMap that holds the value, as JSON.
STATE = "state"
#: The key of a ConfigMap that names its latest writes, newest last.
WRITES = "writes"
#: The annotation of a Lease that holds the value, as JSON.
LEASE_ANNOTATION = f"{GROUP}/lease"
#: So many writes are named: more than the nodes of a shard can make before one of them has looked.
WRITES_NAMED = 128

#: After a call that failed, wait about so long, doubled for each failure in a row, up to the longest.
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0
#: An API server that has just started knows no Roles yet and refuses everybody; after so long it is meant.
REFUSED_SECONDS = 120.0
#: A watch is ended by the API server, so that its connection can be used again; if not, by us so much later.
WATCH_GRACE_SECONDS = 3.0


class KubeStore:
    """The objects of one job, in one namespace; see :class:`parallelrun.leases.store.Store`.

    Raises StoreGone where an object is not there, or where the API server keeps refusing; with ``may_create`` (the
    operator) an object that is not there reads as None and is created.
    """

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        names_base: str,
        may_create: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``names_base``: ``Names.base`` of the job. ``sleep`` (seconds) is for tests to replace."""
        self._kube, self._namespace, self._names = kube, namespace, Names(names_base)
        self._may_create, self._sleep = may_create, sleep
        self._read: dict[str, Json] = {}  # the newest known of each object, by the store's name for it

    async def read(self, name: str) -> tuple[dict[str, Any] | None, str]:
        """(value, version); (None, "") where there is no such object, or it is empty."""
        obj = await self._get(name)
        return (None, "") if obj is None else (_value(obj), _version(obj))

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        """Write ``value`` if ``version`` is the current one ("": fill it); False, and nothing written, if not."""
        obj = self._read.get(name)
        if obj is None or _version(obj) != version:
            obj = await self._get(name)
        if obj is None:
            return version == "" and await self._write(name, self._empty(name), value, self._kube.create)
        return _version(obj) == version and await self._write(name, obj, value, self._kube.replace)

    async def wait(self, name: str, version: str, seconds: float) -> None:
        """Return when the version is not, or no longer, ``version``, or after so many seconds."""
        if seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds + (WATCH_GRACE_SECONDS if seconds >= 1 else 0.0)):
                await self._watch(name, version, seconds)

    # --- objects ---

    async def _get(self, name: str) -> Json | None:
        resource, object_name = self._place(name)
        try:
            obj = await self._insist(lambda: self._kube.get(resource, self._namespace, object_name))
        except errors.NotFound as error:
            self._read.pop(name, None)
            self._require_right_to_create(error)
            return None
        self._read[name] = obj
        return obj

    async def _write(
        self, name: str, obj: Json, value: dict[str, Any], send: Callable[[Json], Awaitable[Json]]
    ) -> bool:
        """Send ``obj`` with ``value`` in it until there is an answer."""
        write = secrets.token_hex(4)
        new = _with_value(obj, value, write)
        doubt = _Doubt()
        try:
            self._read[name] = await self._insist(lambda: send(new), doubt)
        except errors.Conflict:
            if not doubt.unanswered:
                return False
            now = await self._get(name)
            return now is not None and _was_written(now, value, write)
        except errors.NotFound as error:
            self._read.pop(name, None)
            self._require_right_to_create(error)
            return False
        return True

    def _require_right_to_create(self, error: errors.NotFound) -> None:
        if not self._may_create:
            raise StoreGone(f"the job's state is gone from namespace {self._namespace}: {error.message}") from error

    def _empty(self, name: str) -> Json:
        resource, object_name = self._place(name)
        meta = {"name": object_name, "namespace": self._namespace}
        return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta}

    def _place(self, name: str) -> tuple[Resource, str]:
        """Kind and name of the object that holds ``name``; raises ValueError for a name that no store has."""
        if name == HEADER:
            return CONFIG_MAPS, self._names.header
        number = int(name.rpartition("-")[2])
        if name == shard_name(number):
            return CONFIG_MAPS, self._names.shard(number)
        if name == node_name(number):
            return LEASES, self._names.node(number)
        raise ValueError(f"a lease store holds no {name!r}")

    # --- waiting ---

    async def _watch(self, name: str, version: str, seconds: float) -> None:
        resource, object_name = self._place(name)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        start = version  # "": begin with the object as it is
        backoff = _Backoff(self._sleep)
        while (left := deadline - loop.time()) > 0:
            changes = self._kube.watch(
                resource, self._namespace, version=start, seconds=left, fields=f"metadata.name={object_name}"
            )
            try:
                async with contextlib.aclosing(changes):
                    async for kind, obj in changes:
                        if kind == "DELETED" or _version(obj) != version:
                            return
            except errors.Gone:
                start = ""
                continue
            except (errors.Unavailable, errors.Forbidden) as error:
                log.debug("watching %s: %s", object_name, error)
            if deadline - loop.time() > 1.0:  # it ended too early
                await backoff.wait()

    async def _insist(self, call: Callable[[], Awaitable[T]], doubt: _Doubt | None = None) -> T:
        """Call until the API server answers; ``doubt`` is told of calls without an answer."""
        backoff = _Backoff(self._sleep)
        loop = asyncio.get_running_loop()
        refused: float | None = None
        while True:
            try:
                result = await call()
            except errors.Unavailable as error:
                refused = None
                if doubt is not None:
                    doubt.unanswered = True
                if not backoff.failures:
                    log.warning("the API server is away; work goes on, and waits where it needs it: %s", error)
            except errors.Forbidden as error:
                refused = refused or loop.time()
                if loop.time() - refused > REFUSED_SECONDS:
                    raise StoreGone(f"the API server refuses: {error.message}") from error
                if not backoff.failures:
                    log.warning("the API server refuses: %s", error)
            else:
                if backoff.failures:
                    log.warning("the API server is back")
                return result
            await backoff.wait()


class _Doubt:
    """Whether a write may have happened without our hearing of it."""

    unanswered = False


class _Backoff:
    """Longer and longer pauses, at random, so that a thousand nodes do not come back in step."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self.failures = 0

    async def wait(self) -> None:
        longest = min(FIRST_BACKOFF_SECONDS * 2**self.failures, LONGEST_BACKOFF_SECONDS)
        self.failures = min(self.failures + 1, 30)
        await self._sleep(longest * random.uniform(0.5, 1.0))


def _value(obj: Json) -> dict[str, Any] | None:
    text = _text(obj)
    if text is None:
        return None
    value: dict[str, Any] = json.loads(text)
    return value


def _text(obj: Json) -> str | None:
    if obj["kind"] == LEASES.kind:
        return (obj["metadata"].get("annotations") or {}).get(LEASE_ANNOTATION)
    return (obj.get("data") or {}).get(STATE)


def _version(obj: Json) -> str:
    """An object without a value counts as one that is not there."""
    return "" if _text(obj) is None else str(obj["metadata"]["resourceVersion"])


def _with_value(obj: Json, value: dict[str, Any], write: str) -> Json:
    text = json.dumps(value, separators=(",", ":"))
    if obj["kind"] != LEASES.kind:
        writes = [*_writes(obj)[1 - WRITES_NAMED :], write]
        return {**obj, "data": {**(obj.get("data") or {}), STATE: text, WRITES: " ".join(writes)}}
    meta = obj["metadata"]
    spec = {**(obj.get("spec") or {}), "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    spec.pop("holderIdentity", None)
    if value.get("holder"):
        spec["holderIdentity"] = value["holder"]
    annotations = {**(meta.get("annotations") or {}), LEASE_ANNOTATION: text}
    return {**obj, "metadata": {**meta, "annotations": annotations}, "spec": spec}


def _writes(obj: Json) -> list[str]:
    return str((obj.get("data") or {}).get(WRITES, "")).split()


def _was_written(obj: Json, value: dict[str, Any], write: str) -> bool:
    """Whether a write without an answer is in ``obj``'s past. A Lease has one writer at a time: its value tells."""
    return _value(obj) == value if obj["kind"] == LEASES.kind else write in _writes(obj)
