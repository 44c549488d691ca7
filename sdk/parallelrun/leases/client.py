"""Typed compare-and-swap loops over a store: read, apply a pure function, write if nobody was faster, else again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from parallelrun.leases.allocator import Shard
from parallelrun.leases.header import Header
from parallelrun.leases.node import NodeLease
from parallelrun.leases.shard_json import shard_from_json, shard_to_json
from parallelrun.leases.store import HEADER, Store, node_name, shard_name

T = TypeVar("T")
S = TypeVar("S")
E = TypeVar("E")

#: After a conflict, wait a random part of this, doubled for each conflict in a row, up to the longest.
FIRST_BACKOFF_SECONDS = 0.005
LONGEST_BACKOFF_SECONDS = 1.0


class NotThere(LookupError):
    """An object that the job cannot be without is not in the store: it was deleted, or never made."""


class Leases:
    """The job's state, read and changed through ``store``.

    The functions given to ``update_*`` are pure and may be called several times: state -> (state, extra). What they
    returned last is returned; where the state is unchanged nothing is written. Errors of the store pass through: the
    write may then have happened or not (see ``allocator.held``).
    """

    def __init__(
        self,
        store: Store,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``sleep`` (seconds) and ``chance`` (0 to 1) are for tests to replace."""
        self.store = store
        self._sleep = sleep
        self._chance = chance

    async def header(self) -> Header:
        """The header as it is; raises NotThere."""
        return (await self.changed_header("", 0))[0]

    async def changed_header(self, version: str, seconds: float) -> tuple[Header, str]:
        """(header, version) once it is not ``version`` any more, or after so many seconds; raises NotThere."""
        if version:
            await self.store.wait(HEADER, version, seconds)
        value, version = await self.store.read(HEADER)
        return _sure_header(value), version

    async def shard(self, shard: int) -> Shard | None:
        """A shard as it is; None where it has not been made."""
        return (await self.shard_and_version(shard))[0]

    async def shard_and_version(self, shard: int) -> tuple[Shard | None, str]:
        """As :meth:`shard`, and the version to wait from."""
        value, version = await self.store.read(shard_name(shard))
        return (None if value is None else shard_from_json(value)), version

    async def node(self, node: int) -> NodeLease | None:
        """A node's lease as it is; None where nobody ever took it."""
        value, _ = await self.store.read(node_name(node))
        return None if value is None else NodeLease.from_json(value)

    async def create_header(self, header: Header) -> Header:
        """Make the header, unless there is one; the one that is there."""
        return (await self._update(HEADER, _header, Header.to_json, _keep_or(header)))[0]

    async def create_shard(self, shard: int, new: Shard) -> Shard:
        """Make a shard, unless there is one; the one that is there."""
        return (await self._update(shard_name(shard), _shard, shard_to_json, _keep_or(new)))[0]

    async def update_header(self, fn: Callable[[Header], tuple[Header, E]]) -> tuple[Header, E]:
        """Apply ``fn`` to the header; raises NotThere."""
        return await self._update(HEADER, _sure_header, Header.to_json, fn)

    async def update_shard(self, shard: int, fn: Callable[[Shard], tuple[Shard, E]]) -> tuple[Shard, E]:
        """Apply ``fn`` to a shard; raises NotThere."""
        return await self._update(shard_name(shard), _sure_shard, shard_to_json, fn)

    async def update_node(
        self, node: int, fn: Callable[[NodeLease | None], tuple[NodeLease, E]]
    ) -> tuple[NodeLease, E]:
        """Apply ``fn`` to a node's lease, which is None where nobody ever took it."""
        return await self._update(node_name(node), _node, NodeLease.to_json, fn)

    async def _update(
        self,
        name: str,
        parse: Callable[[dict[str, Any] | None], S],
        serialize: Callable[[T], dict[str, Any]],
        fn: Callable[[S], tuple[T, E]],
    ) -> tuple[T, E]:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            value, version = await self.store.read(name)
            state = parse(value)
            new, extra = fn(state)
            if new == state or await self.store.swap(name, version, serialize(new)):
                return new, extra
            await self._sleep(self._chance() * backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF_SECONDS)


def _keep_or(new: T) -> Callable[[T | None], tuple[T, None]]:
    def keep_or_make(state: T | None) -> tuple[T, None]:
        return (new if state is None else state), None

    return keep_or_make


def _header(value: dict[str, Any] | None) -> Header | None:
    return None if value is None else Header.from_json(value)


def _sure_header(value: dict[str, Any] | None) -> Header:
    if value is None:
        raise NotThere("the job's header is not in the store")
    return Header.from_json(value)


def _shard(value: dict[str, Any] | None) -> Shard | None:
    return None if value is None else shard_from_json(value)


def _sure_shard(value: dict[str, Any] | None) -> Shard:
    if value is None:
        raise NotThere("the shard is not in the store")
    return shard_from_json(value)


def _node(value: dict[str, Any] | None) -> NodeLease | None:
    return None if value is None else NodeLease.from_json(value)
