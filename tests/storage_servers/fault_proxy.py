"""Stands in front of an object store and is what networks and stores can be: slow, busy, broken, closed."""

from __future__ import annotations

import asyncio
import io
import random
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from web_server import ServerThread
from yarl import URL

#: What is between two machines, and not for the one behind the proxy.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


@dataclass
class Faults:
    """What happens to requests, in percent of them; may be changed while the proxy runs."""

    seed: int = 0
    busy: float = 0  # 503
    throttled: float = 0  # 429
    cut: float = 0  # the connection is reset in the middle of the body
    latency: float = 0  # seconds before each answer
    bytes_per_second: float = 0  # 0: as fast as it goes
    forbidden: bool = False  # 403 to everything
    forbidden_path: str = ""  # 403 to requests whose path ends so
    unauthorized: bool = False  # 401 to everything
    requests: list[str] = field(default_factory=list)  # method and path of each
    broken: int = 0  # how many met a fault

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def hits(self, percent: float) -> bool:
        """Whether this request meets a fault of so many percent."""
        hit = self._random.uniform(0, 100) < percent
        self.broken += hit
        return hit


class FaultProxy(ServerThread):
    """A proxy to ``target``; its ``url`` takes the place of the target's."""

    def __init__(self, target: str, faults: Faults | None = None, keep_host: bool = True) -> None:
        """``keep_host``: the server behind sees the proxy's name, which signatures are made for."""
        super().__init__(self._serve)
        self._target, self._keep_host = target.rstrip("/"), keep_host
        self.faults = faults or Faults()

    async def _start(self) -> str:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )
        return await super()._start()

    async def _stop(self) -> None:
        await self._session.close()
        await super()._stop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        faults = self.faults
        faults.requests.append(f"{request.method} {request.raw_path}")
        if faults.latency:
            await asyncio.sleep(faults.latency)
        for status, is_hit in (
            (403, faults.forbidden),
            (403, faults.forbidden_path and request.path.endswith(faults.forbidden_path)),
            (401, faults.unauthorized),
            (503, faults.hits(faults.busy)),
            (429, faults.hits(faults.throttled)),
        ):
            if is_hit:
                return web.Response(status=status)
        return await self._pass_on(request, faults.hits(faults.cut))

    async def _pass_on(self, request: web.Request, is_cut: bool) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        if not self._keep_host:
            headers.pop("Host", None)
        url = URL(self._target + request.raw_path, encoded=True)
        body = await request.content.read()
        async with self._session.request(
            request.method, url, headers=headers, data=io.BytesIO(body) if body else None, allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        ) as answer:  # fmt: skip
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=passed)
            if "Content-Length" not in answer.headers and request.method != "HEAD":
                response.enable_chunked_encoding()
            await response.prepare(request)
            if request.method != "HEAD":
                await self._send(request, response, await answer.read(), is_cut)
            return response

    async def _send(self, request: web.Request, response: web.StreamResponse, data: bytes, is_cut: bool) -> None:
        if is_cut:
            await response.write(data[: len(data) // 2])
            assert request.transport is not None
            request.transport.abort()
            return
        rate = self.faults.bytes_per_second
        step = max(1, int(rate / 20)) if rate else max(1, len(data))
        for start in range(0, len(data), step):
            await response.write(data[start : start + step])
            if rate:
                await asyncio.sleep(step / rate)
        await response.write_eof()
