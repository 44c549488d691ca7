"""Many small pieces of work, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def each(items: Iterable[T], do: Callable[[T], Awaitable[object]], at_once: int) -> None:
    """Do it with all ``items``, which are drawn as they are needed; the first that fails ends the others."""
    waiting = iter(items)

    async def some() -> None:
        for item in waiting:
            await do(item)

    if at_once <= 1:
        await some()
        return
    tasks = [asyncio.create_task(some()) for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
