"""The three pages of a replica: /healthz (restart me when it is not 200), /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Pages:
    """What the pages say; an empty text is all well."""

    unhealthy: Callable[[], str]
    unready: Callable[[], str]
    metrics: Callable[[], bytes]


class Health:
    """The server; an async context manager. ``port`` 0 takes a free one."""

    def __init__(self, pages: Pages, port: int) -> None:
        self._pages, self.port = pages, port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/healthz", _verdict(self._pages.unhealthy))
        app.router.add_get("/readyz", _verdict(self._pages.unready))
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "0.0.0.0", self.port).start()
        self.port = runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._pages.metrics(), headers={"Content-Type": "text/plain; version=0.0.4"})


def _verdict(problem: Callable[[], str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        text = problem()
        return web.Response(text=(text or "ok") + "\n", status=503 if text else 200)

    return answer
