"""Changes of shards, several in one write: those that come while another write is under way go out together.

In a cluster each write is the API server's work, and with every seal many leases are complete at the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from parallelrun.leases.allocator import Shard
from parallelrun.leases.client import Leases

T = TypeVar("T")
Change = Callable[[Shard], tuple[Shard, Any]]


class ShardWrites:
    """Of one agent. Changes of a shard are made in the order in which they were asked for."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._one_at_a_time = asyncio.Lock()
        self._waiting: dict[int, list[tuple[Change, asyncio.Future[Any]]]] = {}

    async def apply(self, shard: int, change: Callable[[Shard], tuple[Shard, T]]) -> T:
        """What ``change``, a pure function that may be called several times, returned besides the shard.

        Raises NotThere, and what the store raises.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(shard, []).append((change, done))
        await asyncio.sleep(0)  # what else the same event asks for goes with it
        async with self._one_at_a_time:
            if not done.done():
                await self._write(shard, self._waiting.pop(shard))
        return done.result()

    async def _write(self, shard: int, changes: list[tuple[Change, asyncio.Future[Any]]]) -> None:
        def all_of_them(state: Shard) -> tuple[Shard, list[Any]]:
            results = []
            for change, _ in changes:
                state, result = change(state)
                results.append(result)
            return state, results

        try:
            _, results = await self._leases.update_shard(shard, all_of_them)
        except BaseException as error:
            for _, done in changes:
                if isinstance(error, Exception):
                    done.set_exception(error)
                else:
                    done.cancel()
            if not isinstance(error, Exception):
                raise
            return
        for (_, done), result in zip(changes, results, strict=True):
            done.set_result(result)
