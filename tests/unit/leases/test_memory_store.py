"""The in-memory store: the conformance suite, and its hook."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from store_conformance import StoreConformance

from parallelrun.leases.store import HEADER, MemoryStore


class TestMemoryStore(StoreConformance):
    @asynccontextmanager
    async def store(self):
        yield MemoryStore()


def test_the_hook_is_called_before_the_value_can_be_seen():
    async def main() -> None:
        seen: list[object] = []
        store = MemoryStore(on_swap=lambda name, value: seen.append((name, value, store._objects.get(name))))
        await store.swap(HEADER, "", {"n": 1})
        assert seen == [(HEADER, {"n": 1}, None)]

    asyncio.run(main())


def test_the_hook_is_not_called_for_a_swap_that_loses():
    async def main() -> None:
        seen: list[str] = []
        store = MemoryStore(on_swap=lambda name, value: seen.append(name))
        await store.swap(HEADER, "", {"n": 1})
        assert not await store.swap(HEADER, "", {"n": 2})
        assert seen == [HEADER]

    asyncio.run(main())


def test_what_could_not_be_made_durable_is_not_written():
    def full(name: str, value: object) -> None:
        raise OSError("no space left")

    async def main() -> None:
        store = MemoryStore(on_swap=full)
        with pytest.raises(OSError, match="no space"):
            await store.swap(HEADER, "", {"n": 1})
        assert await store.read(HEADER) == (None, "")

    asyncio.run(main())


def test_waiters_that_gave_up_are_forgotten():
    async def main() -> None:
        store = MemoryStore()
        for _ in range(10):
            await store.wait(HEADER, "", 0)
        assert not any(store._waiters.values())

    asyncio.run(main())
