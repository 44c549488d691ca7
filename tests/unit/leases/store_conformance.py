"""What every store has to do, whatever holds its objects: subclass StoreConformance and say how to make one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from parallelrun.leases import allocator
from parallelrun.leases.client import Leases
from parallelrun.leases.store import HEADER, Store, node_name, shard_name

#: So long a store that is not told of a change is waited for before that is an error.
PATIENCE_SECONDS = 30.0


class StoreConformance:
    """The suite; pytest collects it in subclasses (named ``Test...``) only."""

    def store(self) -> AbstractAsyncContextManager[Store]:
        """An empty store; entered within a running event loop, once for each test."""
        raise NotImplementedError

    def run(self, body: Callable[[Store], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.store() as store:
                await asyncio.wait_for(body(store), 2 * PATIENCE_SECONDS)

        asyncio.run(main())

    def test_what_is_not_there_reads_as_none_with_an_empty_version(self) -> None:
        async def body(store: Store) -> None:
            assert tuple(await store.read(HEADER)) == (None, "")

        self.run(body)

    def test_an_object_reads_as_it_was_written(self) -> None:
        value = {"text": 'é " \n', "list": [1, [2, None]], "big": 1 << 60, "true": True, "object": {"a": 0.5}}

        async def body(store: Store) -> None:
            assert await store.swap(HEADER, "", value)
            read, version = await store.read(HEADER)
            assert read == value
            assert isinstance(version, str)
            assert version

        self.run(body)

    def test_only_the_current_version_can_be_swapped(self) -> None:
        async def body(store: Store) -> None:
            await store.swap(HEADER, "", {"n": 0})
            _, old = await store.read(HEADER)
            assert await store.swap(HEADER, old, {"n": 1})
            assert not await store.swap(HEADER, old, {"n": 2})
            value, new = await store.read(HEADER)
            assert value == {"n": 1}
            assert new != old

        self.run(body)

    def test_the_same_value_written_again_is_a_new_version(self) -> None:
        """Otherwise a reader of long ago could win over a change and its undoing."""

        async def body(store: Store) -> None:
            versions = set()
            for n in (0, 1, 0):
                _, version = await store.read(HEADER)
                assert await store.swap(HEADER, version, {"n": n})
                versions.add((await store.read(HEADER))[1])
            assert len(versions) == 3

        self.run(body)

    def test_what_exists_cannot_be_created(self) -> None:
        async def body(store: Store) -> None:
            assert await store.swap(HEADER, "", {"n": 1})
            assert not await store.swap(HEADER, "", {"n": 2})
            assert (await store.read(HEADER))[0] == {"n": 1}

        self.run(body)

    def test_what_does_not_exist_cannot_be_changed(self) -> None:
        async def body(store: Store) -> None:
            await store.swap(HEADER, "", {"n": 1})
            _, version = await store.read(HEADER)
            assert not await store.swap(shard_name(0), version, {"n": 2})
            assert (await store.read(shard_name(0)))[0] is None

        self.run(body)

    def test_objects_have_nothing_to_do_with_each_other(self) -> None:
        async def body(store: Store) -> None:
            names = [HEADER, shard_name(0), shard_name(1), node_name(0), node_name(1)]
            for n, name in enumerate(names):
                assert await store.swap(name, "", {"n": n})
            for n, name in enumerate(names):
                assert (await store.read(name))[0] == {"n": n}

        self.run(body)

    def test_of_many_writers_of_one_version_exactly_one_wins(self) -> None:
        async def body(store: Store) -> None:
            await store.swap(HEADER, "", {"n": -1})
            for _ in range(5):
                _, version = await store.read(HEADER)
                won = await asyncio.gather(*(store.swap(HEADER, version, {"n": n}) for n in range(8)))
                assert sum(won) == 1
                assert (await store.read(HEADER))[0] == {"n": won.index(True)}

        self.run(body)

    def test_wait_returns_at_once_where_the_version_is_another_already(self) -> None:
        async def body(store: Store) -> None:
            await store.swap(HEADER, "", {"n": 1})
            _, version = await store.read(HEADER)
            await store.swap(HEADER, version, {"n": 2})
            await asyncio.wait_for(store.wait(HEADER, version, PATIENCE_SECONDS * 10), PATIENCE_SECONDS)
            await asyncio.wait_for(store.wait(HEADER, "", PATIENCE_SECONDS * 10), PATIENCE_SECONDS)

        self.run(body)

    def test_wait_returns_when_the_object_changes(self) -> None:
        async def body(store: Store) -> None:
            await store.swap(HEADER, "", {"n": 1})
            _, version = await store.read(HEADER)
            waiting = [asyncio.create_task(store.wait(HEADER, version, PATIENCE_SECONDS * 10)) for _ in range(3)]
            await asyncio.sleep(0)
            await store.swap(HEADER, version, {"n": 2})
            await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_SECONDS)

        self.run(body)

    def test_wait_returns_when_the_object_is_created(self) -> None:
        async def body(store: Store) -> None:
            waiting = asyncio.create_task(store.wait(HEADER, "", PATIENCE_SECONDS * 10))
            await asyncio.sleep(0)
            await store.swap(HEADER, "", {"n": 1})
            await asyncio.wait_for(waiting, PATIENCE_SECONDS)

        self.run(body)

    def test_wait_gives_up_in_time_and_may_be_cancelled(self) -> None:
        async def body(store: Store) -> None:
            await asyncio.wait_for(store.wait(HEADER, "", 0.01), PATIENCE_SECONDS)
            await asyncio.wait_for(store.wait(HEADER, "", 0), PATIENCE_SECONDS)
            waiting = asyncio.create_task(store.wait(HEADER, "", PATIENCE_SECONDS * 10))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert await store.swap(HEADER, "", {"n": 1})

        self.run(body)

    def test_many_holders_complete_every_mini_batch_once(self) -> None:
        """Claims, returns and completions through the client lose nothing, whoever is faster."""
        total = 60

        async def body(store: Store) -> None:
            leases = Leases(store)
            await leases.create_shard(0, allocator.new(0, total, 1))
            ran: list[int] = []

            async def hold(name: str) -> None:
                while True:
                    _, lease = await leases.update_shard(0, lambda s: allocator.claim(s, name, 7))
                    if lease is None:
                        return
                    ran.extend(range(lease.start, lease.stop))
                    counts = allocator.Counts(completed=lease.stop - lease.start)
                    _, ok = await leases.update_shard(
                        0, lambda s, epoch=lease.epoch, c=counts: allocator.complete(s, name, epoch, c)
                    )
                    assert ok

            await asyncio.gather(*(hold(f"holder-{n}") for n in range(6)))
            shard = await leases.shard(0)
            assert shard is not None
            assert allocator.done(shard)
            assert shard.counts.completed == total
            assert sorted(ran) == list(range(total))

        self.run(body)
