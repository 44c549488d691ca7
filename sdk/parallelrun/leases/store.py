"""Where the job's state lives: named JSON objects with a version each, changed by compare-and-swap and by nothing else.

In memory for a run on this machine (:class:`MemoryStore`, owned by the parent process), in API objects on a cluster.
One conformance suite holds for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

HEADER = "header"


def shard_name(shard: int) -> str:
    """The name of a shard's object."""
    return f"shard-{shard}"


def node_name(node: int) -> str:
    """The name of a node lease's object."""
    return f"node-{node}"


class StoreGone(ConnectionError):
    """The lease store, or an object that it had, is out of reach for good: whoever works by it has to stop."""


class Store(Protocol):
    """Named JSON objects with versions. A value that was read or written is never changed in place."""

    async def read(self, name: str) -> tuple[dict[str, Any] | None, str]:
        """(value, version); (None, "") where there is no such object."""

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        """Write ``value`` if ``version`` is the current one ("": create it); False, and nothing written, if not."""

    async def wait(self, name: str, version: str, seconds: float) -> None:
        """Return when the version is not, or no longer, ``version``, or after so many seconds."""


class MemoryStore:
    """A store in this process, for one event loop.

    ``on_swap(name, value)`` is called before a new value can be seen, so that it can be made durable first; what it
    raises, the writer gets, and nothing has changed.
    """

    def __init__(self, on_swap: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        self._on_swap = on_swap
        self._objects: dict[str, tuple[dict[str, Any], str]] = {}
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}

    async def read(self, name: str) -> tuple[dict[str, Any] | None, str]:
        """(value, version); (None, "") where there is no such object."""
        return self._objects.get(name, (None, ""))

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        """Write ``value`` if ``version`` is the current one ("": create it); False, and nothing written, if not."""
        current = self._version(name)
        if version != current:
            return False
        if self._on_swap is not None:
            self._on_swap(name, value)
        self._objects[name] = (value, str(int(current or 0) + 1))
        for waiter in self._waiters.pop(name, ()):
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def wait(self, name: str, version: str, seconds: float) -> None:
        """Return when the version is not, or no longer, ``version``, or after so many seconds."""
        if self._version(name) != version:
            return
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(name, set())
        waiters.add(waiter)
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            waiters.discard(waiter)

    def _version(self, name: str) -> str:
        return self._objects[name][1] if name in self._objects else ""
