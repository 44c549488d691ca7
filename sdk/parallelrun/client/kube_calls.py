"""Calls of the API server from programs and notebooks, where an event loop may be running already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

from parallelrun.cluster import session
from parallelrun.cluster.place import Place
from parallelrun.kube.client import Kube

T = TypeVar("T")


def call(place: Place, work: Callable[[Kube], Awaitable[T]]) -> T:
    """Do ``work`` with a client of ``place``'s cluster, in a thread with an event loop of its own.

    An interrupt ends it in order: what it made for the time being is taken away again. Raises KubeError.
    """
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()
    outcome: Future[T] = Future()

    async def conversation() -> T:
        task = asyncio.current_task()
        assert task is not None
        begun.set_result((asyncio.get_running_loop(), task))
        return await session.converse(place, work)

    def body() -> None:
        try:
            outcome.set_result(asyncio.run(conversation()))
        except BaseException as error:  # noqa: BLE001  # it is raised in the caller's thread
            outcome.set_exception(error)

    thread = threading.Thread(target=body, name="parallelrun-kube", daemon=True)
    thread.start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        loop, task = begun.result()
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
