"""Changes of shards go out together, in order, each with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from parallelrun.leases import allocator
from parallelrun.leases.allocator import Counts, Lease, Shard
from parallelrun.leases.client import Leases, NotThere
from parallelrun.leases.store import MemoryStore
from parallelrun_agent.shard_writes import ShardWrites


class CountingStore(MemoryStore):
    """How often it was written; ``hold`` holds writes up."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        self.writes += 1
        self.begun.set()
        await self.go_on.wait()
        return await super().swap(name, version, value)


def claim(want: int) -> Callable[[Shard], tuple[Shard, Lease | None]]:
    return lambda shard: allocator.claim(shard, "h", want)


def complete(lease: Lease) -> Callable[[Shard], tuple[Shard, bool]]:
    counts = Counts(completed=lease.stop - lease.start)
    return lambda shard: allocator.complete(shard, "h", lease.epoch, counts)


def with_a_shard(test: Callable[[CountingStore, ShardWrites], Awaitable[None]]) -> None:
    """Run ``test`` with a shard of a hundred mini-batches."""

    async def run() -> None:
        store = CountingStore()
        leases = Leases(store)
        await leases.create_shard(0, allocator.new(0, 100, 1))
        store.writes = 0
        store.begun.clear()
        await test(store, ShardWrites(leases))

    asyncio.run(run())


def test_what_is_asked_for_at_once_is_one_write() -> None:
    """As when one seal makes many leases complete."""

    async def test(store: CountingStore, writes: ShardWrites) -> None:
        granted = await asyncio.gather(*(writes.apply(0, claim(10)) for _ in range(3)))
        assert [lease and (lease.start, lease.stop) for lease in granted] == [(0, 10), (10, 20), (20, 30)]
        assert store.writes == 1
        completed = await asyncio.gather(*(writes.apply(0, complete(lease)) for lease in granted if lease))
        assert completed == [True, True, True]
        assert store.writes == 2

    with_a_shard(test)


def test_what_comes_during_a_write_waits_for_the_next_one() -> None:
    """However much it is."""

    async def test(store: CountingStore, writes: ShardWrites) -> None:
        store.go_on.clear()
        first = asyncio.create_task(writes.apply(0, claim(10)))
        await store.begun.wait()
        others = [asyncio.create_task(writes.apply(0, claim(10))) for _ in range(4)]
        await asyncio.sleep(0)
        store.go_on.set()
        await asyncio.gather(first, *others)
        assert store.writes == 2

    with_a_shard(test)


def test_where_the_write_fails_all_who_asked_hear_of_it() -> None:
    """And the next one is tried anew."""

    async def test(store: CountingStore, writes: ShardWrites) -> None:
        failed = await asyncio.gather(*(writes.apply(1, claim(1)) for _ in range(2)), return_exceptions=True)
        assert [type(error) for error in failed] == [NotThere, NotThere]
        await Leases(store).create_shard(1, allocator.new(100, 200, 1))
        assert await writes.apply(1, claim(1))

    with_a_shard(test)


def test_a_writer_that_is_cancelled_leaves_nobody_waiting() -> None:
    """Those whose change was in its write are cancelled with it; later ones go on."""

    async def test(store: CountingStore, writes: ShardWrites) -> None:
        store.go_on.clear()
        together = [asyncio.create_task(writes.apply(0, claim(10))) for _ in range(2)]
        await store.begun.wait()
        later = asyncio.create_task(writes.apply(0, claim(10)))
        together[0].cancel()
        store.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await together[1]
        assert await later

    with_a_shard(test)
