"""Compare-and-swap loops, and many tasks that hammer one store through them."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lease_profiles import effort

from parallelrun.leases import allocator, header, node
from parallelrun.leases.allocator import Counts
from parallelrun.leases.client import FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, Leases, NotThere
from parallelrun.leases.store import HEADER, MemoryStore


class RacingStore(MemoryStore):
    """Lets others in between a read and a swap, as a network does: ``yields()`` says how often."""

    def __init__(self, yields=lambda: 0) -> None:
        super().__init__()
        self.yields = yields
        self.conflicts = 0

    async def swap(self, name, version, value):
        for _ in range(self.yields()):
            await asyncio.sleep(0)
        ok = await super().swap(name, version, value)
        self.conflicts += not ok
        return ok


def test_an_update_is_written_and_what_the_function_returned_is_returned():
    async def main() -> None:
        leases = Leases(MemoryStore())
        await leases.create_header(header.new("uid", 1, "spec", "source"))
        h, grant = await leases.update_header(lambda h: header.grant_planning(h, "a"))
        assert grant is not None
        assert grant == h.grant
        assert await leases.header() == h

    asyncio.run(main())


def test_an_unchanged_state_is_not_written():
    async def main() -> None:
        store = MemoryStore()
        leases = Leases(store)
        await leases.create_shard(0, allocator.new(0, 5, 1))
        before = await store.read("shard-0")
        _, ok = await leases.update_shard(0, lambda s: allocator.complete(s, "nobody", 1, Counts()))
        assert not ok
        assert await store.read("shard-0") == before

    asyncio.run(main())


def test_what_is_there_is_not_made_again():
    async def main() -> None:
        leases = Leases(MemoryStore())
        first = await leases.create_shard(0, allocator.new(0, 5, 1))
        assert await leases.create_shard(0, allocator.new(0, 7, 1)) == first
        made = await leases.create_header(header.new("uid", 1, "spec", "source"))
        assert await leases.create_header(header.new("other", 1, "spec", "source")) == made

    asyncio.run(main())


def test_what_is_not_there_is_said():
    async def main() -> None:
        leases = Leases(MemoryStore())
        assert await leases.shard(0) is None
        assert await leases.node(0) is None
        with pytest.raises(NotThere, match="header"):
            await leases.header()
        with pytest.raises(NotThere, match="shard"):
            await leases.update_shard(0, lambda s: (s, None))

    asyncio.run(main())


def test_a_node_is_taken_whether_or_not_somebody_had_it():
    async def main() -> None:
        leases = Leases(MemoryStore())
        for holder in ("a", "b"):
            lease, _ = await leases.update_node(3, lambda x, holder=holder: (node.take(x, holder), None))
            assert lease.holder == holder
        assert await leases.node(3) == lease

    asyncio.run(main())


def test_a_conflict_is_followed_by_a_longer_and_longer_wait_and_another_try():
    waits: list[float] = []

    class Busy(MemoryStore):
        async def swap(self, name, version, value):
            return len(waits) >= 12 and await super().swap(name, version, value)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def main() -> None:
        await Leases(Busy(), sleep=sleep, chance=lambda: 0.5).create_shard(0, allocator.new(0, 5, 1))

    asyncio.run(main())
    assert waits[:3] == [0.5 * FIRST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS, 2 * FIRST_BACKOFF_SECONDS]
    assert waits[-1] == 0.5 * LONGEST_BACKOFF_SECONDS


def test_a_watcher_sees_the_next_header():
    async def main() -> None:
        leases = Leases(MemoryStore())
        await leases.create_header(header.new("uid", 1, "spec", "source"))
        h, version = await leases.changed_header("", 0)
        assert h.phase is header.Phase.PLANNING
        watching = asyncio.create_task(leases.changed_header(version, 60))
        await asyncio.sleep(0)
        await leases.update_header(lambda h: (header.abort(h, "Cancelled", ""), None))
        h, newer = await asyncio.wait_for(watching, 30)
        assert h.phase is header.Phase.ABORTED
        assert (await leases.changed_header(newer, 0))[1] == newer

    asyncio.run(main())


@effort(15)
@given(seed=st.integers(0, 2**32), tasks=st.integers(2, 12))
def test_tasks_that_interleave_at_random_lose_nothing_and_count_everything_once(seed, tasks):
    """Holders claim, complete, return, shrink, are cancelled in the midst of it, and expire; one more finishes."""
    asyncio.run(hammer(random.Random(seed), tasks))


async def hammer(chance: random.Random, tasks: int) -> None:
    total = 150
    store = RacingStore(lambda: chance.randrange(4))
    leases = Leases(store, sleep=lambda _: asyncio.sleep(0), chance=chance.random)
    await leases.create_shard(0, allocator.new(0, total, 1))
    credited: list[int] = []

    async def end(name: str, lease: allocator.Lease) -> None:
        cut = chance.randrange(lease.start, lease.stop + 1)
        stop = lease.stop
        if lease.start < cut < stop and chance.random() < 0.3:
            _, ok = await leases.update_shard(0, lambda s: allocator.shrink(s, name, lease.epoch, cut))
            stop = cut
        done = Counts(completed=cut - lease.start, items_succeeded=cut - lease.start)
        _, ok = await leases.update_shard(0, lambda s: allocator.give_back(s, name, lease.epoch, [(cut, stop)], done))
        if ok:
            credited.extend(range(lease.start, cut))

    async def hold(name: str) -> None:
        for _ in range(12):
            _, lease = await leases.update_shard(0, lambda s: allocator.claim(s, name, chance.randrange(1, 20)))
            if lease is not None:
                await end(name, lease)

    async def disturb(running: list[asyncio.Task[None]]) -> None:
        for n in range(tasks):
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                running[n].cancel()
            await leases.update_shard(0, lambda s, n=n: (allocator.expire(s, f"holder-{n}"), None))

    running = [asyncio.create_task(hold(f"holder-{n}")) for n in range(tasks)]
    await disturb(running)
    for task in running:
        with suppress(asyncio.CancelledError):
            await task
    await finish(leases, credited)
    shard = await leases.shard(0)
    assert shard is not None
    assert allocator.done(shard)
    assert shard.counts == Counts(completed=total, items_succeeded=total)
    assert sorted(set(credited)) == sorted(credited)


async def finish(leases: Leases, credited: list[int]) -> None:
    """Whoever is gone is expired, and one holder does the rest."""
    shard = await leases.shard(0)
    assert shard is not None
    for name in allocator.holders(shard):
        await leases.update_shard(0, lambda s, name=name: (allocator.expire(s, name), None))
    while True:
        shard, lease = await leases.update_shard(0, lambda s: allocator.claim(s, "last", 50))
        allocator.check(shard)
        if lease is None:
            return
        n = lease.stop - lease.start
        counts = Counts(completed=n, items_succeeded=n)
        await leases.update_shard(0, lambda s, e=lease.epoch, c=counts: allocator.complete(s, "last", e, c))
        credited.extend(range(lease.start, lease.stop))


def test_the_races_of_these_tests_do_happen():
    """Else they would show nothing."""

    async def main() -> None:
        store = RacingStore(lambda: 1)
        leases = Leases(store, sleep=lambda _: asyncio.sleep(0))
        await leases.create_header(header.new("uid", 1, "spec", "source"))
        grants = await asyncio.gather(
            *(leases.update_header(lambda h, n=n: header.grant_planning(h, f"p{n}")) for n in range(8))
        )
        assert sum(grant is not None for _, grant in grants) == 1
        assert store.conflicts >= 7
        assert (await store.read(HEADER))[1] == "2"

    asyncio.run(main())
