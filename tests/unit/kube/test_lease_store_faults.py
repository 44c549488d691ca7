"""What the store promises beyond the conformance suite: rights, what stays on objects, lost answers, outages."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from store_objects import (
    LABELS,
    NAMESPACE,
    OWNERS,
    agents_store,
    grant,
    make_objects,
    new_names,
    operators_store,
    until_allowed,
)

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.lease_store import LEASE_ANNOTATION, WRITES_NAMED, KubeStore
from parallelrun.kube.resources import CONFIG_MAPS, LEASES, PODS, Resource
from parallelrun.leases import allocator, header, node
from parallelrun.leases.client import Leases
from parallelrun.leases.store import HEADER, StoreGone, node_name, shard_name

DEADLINE_SECONDS = 45.0
TOTAL = 200
ONE = allocator.Counts(completed=1)


def run(body) -> None:
    asyncio.run(asyncio.wait_for(body, DEADLINE_SECONDS))


# --- what people and owners see ---


def test_labels_and_owners_stay_and_a_lease_shows_its_holder(api_server):
    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as admin, agents_store(api_server, names) as store:
            await Leases(store).update_node(1, lambda lease: (node.take(lease, "pod-uid"), None))
            await store.swap(HEADER, "", {"n": 1})
            lease = await admin.get(LEASES, NAMESPACE, names.node(1))
            for obj in (lease, await admin.get(CONFIG_MAPS, NAMESPACE, names.header)):
                assert obj["metadata"]["labels"] == LABELS
                assert obj["metadata"]["ownerReferences"] == OWNERS
            assert lease["spec"]["holderIdentity"] == "pod-uid"
            assert lease["spec"]["renewTime"]
            assert '"pod-uid"' in lease["metadata"]["annotations"][LEASE_ANNOTATION]

    run(main())


def test_an_expired_lease_shows_no_holder(api_server):
    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as admin, agents_store(api_server, names) as store:
            leases = Leases(store)
            taken, _ = await leases.update_node(0, lambda lease: (node.take(lease, "pod-uid"), None))
            await leases.update_node(0, lambda lease: (node.expire(lease or taken, "pod-uid"), None))
            assert "holderIdentity" not in (await admin.get(LEASES, NAMESPACE, names.node(0)))["spec"]

    run(main())


# --- rights ---


def test_an_agent_reaches_its_own_objects_and_nothing_else(api_server):
    async def refused(call) -> None:
        with pytest.raises(errors.Forbidden):
            await call

    async def main() -> None:
        mine, theirs = new_names(), new_names()
        async with await api_server.kube() as admin:
            for names in (mine, theirs):
                await make_objects(admin, names)
            token = await grant(admin, mine)
        async with await api_server.kube(token) as kube:
            await until_allowed(kube, mine)
            obj = await kube.get(CONFIG_MAPS, NAMESPACE, mine.shard(0))
            await refused(kube.get(CONFIG_MAPS, NAMESPACE, theirs.shard(0)))
            await refused(kube.get(LEASES, NAMESPACE, theirs.node(0)))
            await refused(kube.list_objects(CONFIG_MAPS, NAMESPACE))
            await refused(kube.list_objects(PODS, NAMESPACE))
            await refused(kube.get(Resource("", "v1", "secrets", "Secret"), NAMESPACE, "any"))
            await refused(kube.delete(CONFIG_MAPS, NAMESPACE, mine.shard(0)))
            other = {**obj, "metadata": {"name": "one-more", "namespace": NAMESPACE}}
            await refused(kube.create(other))

    run(main())


# --- many writers ---


def test_of_twenty_writers_on_connections_of_their_own_no_update_is_lost(api_server):
    async def main() -> None:
        names = new_names()
        async with contextlib.AsyncExitStack() as stack:
            async with operators_store(api_server, names) as store:
                await Leases(store).create_shard(0, allocator.new(0, TOTAL, 1))
            stores = [await stack.enter_async_context(operators_store(api_server, names)) for _ in range(20)]

            async def work(number: int) -> int:
                leases, holder, done = Leases(stores[number]), f"holder-{number}", 0
                while True:
                    _, lease = await leases.update_shard(0, lambda s: allocator.claim(s, holder, 2))
                    if lease is None:
                        return done
                    counts = allocator.Counts(completed=lease.stop - lease.start)
                    _, ok = await leases.update_shard(
                        0, lambda s, epoch=lease.epoch, c=counts: allocator.complete(s, holder, epoch, c)
                    )
                    assert ok
                    done += counts.completed

            assert sum(await asyncio.gather(*(work(n) for n in range(20)))) == TOTAL
            shard = await Leases(stores[0]).shard(0)
            assert shard is not None
            assert shard.counts.completed == TOTAL
            allocator.check(shard)

    run(main())


# --- lost answers ---


class DeafKube:
    """A client that loses the answer of the next write, after or before it happened; then others may be faster."""

    def __init__(self, kube: Kube, happened: bool, then=None) -> None:
        self._kube, self._happened, self._then, self.puts = kube, happened, then, 0

    def __getattr__(self, name):
        return getattr(self._kube, name)

    async def replace(self, obj):
        self.puts += 1
        if self.puts > 1:
            return await self._kube.replace(obj)
        if self._happened:
            await self._kube.replace(obj)
        if self._then is not None:
            await self._then()
        raise errors.Unavailable("the connection was cut")


@pytest.mark.parametrize("name", [HEADER, node_name(0)])
@pytest.mark.parametrize("happened", [True, False])
def test_a_write_whose_answer_was_lost_is_true_once_whether_or_not_it_happened(api_server, name, happened):
    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as kube:
            await make_objects(kube, names)
            deaf = DeafKube(kube, happened)
            store = KubeStore(deaf, NAMESPACE, names.base, sleep=no_sleep)
            assert await store.swap(name, "", {"holder": "a", "beat": 1})
            assert deaf.puts == 2
            assert (await store.read(name))[0] == {"holder": "a", "beat": 1}

    run(main())


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("others", [1, WRITES_NAMED - 1])
def test_a_claim_whose_answer_was_lost_is_known_after_others_wrote_too(api_server, happened, others):
    """Otherwise the claimed range would stay with a live holder that never heard of it."""

    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as kube:
            await make_objects(kube, names)
            quick = Leases(KubeStore(kube, NAMESPACE, names.base))
            await quick.create_shard(0, allocator.new(0, 10 * WRITES_NAMED, 1))

            async def hurry() -> None:
                for n in range(others):
                    await quick.update_shard(0, lambda s, n=n: allocator.claim(s, f"other-{n}", 1))

            store = KubeStore(DeafKube(kube, happened, hurry), NAMESPACE, names.base, sleep=no_sleep)
            _, lease = await Leases(store).update_shard(0, lambda s: allocator.claim(s, "me", 3))
            now = await quick.shard(0)
            assert lease is not None
            assert allocator.held(now, "me") == (lease,)

    run(main())


def test_a_lost_write_that_never_happened_is_no_ones_when_another_was_faster(api_server):
    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as kube:
            await make_objects(kube, names)
            quick = KubeStore(kube, NAMESPACE, names.base)

            async def hurry() -> None:
                assert await quick.swap(HEADER, "", {"n": 2})

            store = KubeStore(DeafKube(kube, False, hurry), NAMESPACE, names.base, sleep=no_sleep)
            assert not await store.swap(HEADER, "", {"n": 1})
            assert (await store.read(HEADER))[0] == {"n": 2}

    run(main())


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


# --- what is deleted by hand ---


@pytest.mark.parametrize("name", [HEADER, shard_name(0), node_name(0)])
def test_an_object_that_was_deleted_stops_its_agent(api_server, name):
    async def main() -> None:
        names = new_names()
        resource, object_name = KubeStore(None, NAMESPACE, names.base)._place(name)  # type: ignore[arg-type]
        async with await api_server.kube() as admin, agents_store(api_server, names) as store:
            assert await store.swap(name, "", {"holder": "a"})
            _, version = await store.read(name)
            await admin.delete(resource, NAMESPACE, object_name)
            with contextlib.suppress(StoreGone):  # of a Lease with a UID the API server says that it changed
                assert not await store.swap(name, version, {"holder": "b"})
            with pytest.raises(StoreGone, match=object_name):
                await store.read(name)

    run(main())


def test_a_watcher_wakes_when_its_object_is_deleted(api_server):
    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as admin, agents_store(api_server, names) as store:
            assert await store.swap(HEADER, "", {"n": 1})
            _, version = await store.read(HEADER)
            waiting = asyncio.create_task(store.wait(HEADER, version, 10 * DEADLINE_SECONDS))
            await asyncio.sleep(0)
            await admin.delete(CONFIG_MAPS, NAMESPACE, names.header)
            await waiting

    run(main())


# --- outages ---


def test_updates_go_on_where_they_were_when_the_api_server_was_killed_and_is_back(api_server):
    async def main() -> None:
        names = new_names()
        async with operators_store(api_server, names) as theirs, operators_store(api_server, names) as mine:
            await Leases(mine).create_shard(0, allocator.new(0, 10**6, 1))
            _, version = await mine.read(HEADER)
            waiting = asyncio.create_task(mine.wait(HEADER, version, 10 * DEADLINE_SECONDS))
            claimed: list[allocator.Lease] = []
            enough = asyncio.Event()

            async def claim(store: KubeStore, holder: str) -> None:
                while not enough.is_set():
                    _, lease = await Leases(store).update_shard(0, lambda s: allocator.claim(s, holder, 1))
                    claimed.append(lease)
                    _, ok = await Leases(store).update_shard(
                        0, lambda s, epoch=lease.epoch: allocator.complete(s, holder, epoch, ONE)
                    )
                    assert ok

            tasks = [asyncio.create_task(claim(store, name)) for store, name in ((mine, "a"), (theirs, "b"))]
            await grown(claimed, 20)
            api_server.kill_api_server()
            done = len(claimed)
            await asyncio.to_thread(api_server.start_api_server)
            await grown(claimed, done + 20)
            enough.set()
            await asyncio.gather(*tasks)
            shard = await Leases(mine).shard(0)
            assert shard.counts.completed == len(claimed) == len({lease.epoch for lease in claimed})
            assert not shard.leases
            await Leases(theirs).create_header(header.new("uid", 1, "", ""))
            await waiting

    run(main())


async def grown(collected: list, length: int) -> None:
    """Wait until so many have been collected; ``run`` sets the limit."""
    while len(collected) < length:
        await asyncio.sleep(0.02)


def test_who_is_refused_for_long_stops_and_says_who_refuses(api_server, monkeypatch):
    monkeypatch.setattr("parallelrun.kube.lease_store.REFUSED_SECONDS", 0.0)

    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as admin:
            await make_objects(admin, names)
            token = await grant(admin, names)
        async with await api_server.kube(token) as kube:
            store = KubeStore(kube, NAMESPACE, new_names().base, sleep=no_sleep)
            with pytest.raises(StoreGone, match="refuses"):
                await store.read(HEADER)

    run(main())


def test_a_version_too_old_to_watch_from_is_no_reason_to_wake(api_server):
    """The header stays as it is for hours while others change: the API server forgets changes, the version counts."""

    class Forgetful:
        def __init__(self, kube: Kube) -> None:
            self._kube, self.starts = kube, []

        def __getattr__(self, name):
            return getattr(self._kube, name)

        def watch(self, resource, namespace, *, version, **rest):
            self.starts.append(version)
            return self._too_old() if version else self._kube.watch(resource, namespace, version=version, **rest)

        async def _too_old(self):
            raise errors.Gone("too old resource version")
            yield

    async def main() -> None:
        names = new_names()
        async with await api_server.kube() as admin, operators_store(api_server, names) as other:
            await make_objects(admin, names)
            forgetful = Forgetful(admin)
            store = KubeStore(forgetful, NAMESPACE, names.base)
            assert await store.swap(HEADER, "", {"n": 1})
            _, version = await store.read(HEADER)
            waiting = asyncio.create_task(store.wait(HEADER, version, 10 * DEADLINE_SECONDS))
            while len(forgetful.starts) < 2:
                await asyncio.sleep(0.01)
            _, pending = await asyncio.wait([waiting], timeout=0.5)
            assert pending, "it woke although nothing had changed"
            assert await other.swap(HEADER, (await other.read(HEADER))[1], {"n": 2})
            await waiting
            assert forgetful.starts == [version, ""]

    run(main())
