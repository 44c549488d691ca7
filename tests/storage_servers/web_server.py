"""A web server over a folder: ranges, ETag and Last-Modified, as nginx has them; with a token where one is set."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ServerThread:
    """An aiohttp server on 127.0.0.1, in a thread of its own; a context manager."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    def __enter__(self) -> ServerThread:
        self._thread.start()
        self.url = self.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Awaitable[T]) -> T:
        """What ``work`` gives, on the server's loop."""

        async def of() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(of(), self._loop).result(30)

    async def _start(self) -> str:
        self._runner = web.ServerRunner(web.Server(self._handler), shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._runner.cleanup()


class WebServer(ServerThread):
    """Serves ``folder``; its attributes may be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._serve)
        self._folder = folder
        self.token = ""  # what everybody has to have, if anything
        self.is_simple = False  # knows neither ranges nor HEAD

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        file = self._folder / request.path.lstrip("/")  # unescaped
        if not file.is_file():
            return web.Response(status=404)
        if not self.is_simple:
            return web.FileResponse(file)
        return web.Response(status=405) if request.method == "HEAD" else web.Response(body=file.read_bytes())
