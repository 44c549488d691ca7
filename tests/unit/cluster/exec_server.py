"""The part of an API server that runs programs in containers: here each runs as a process of this machine."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import WSMsgType, web

from parallelrun.cluster.reader import Reader
from parallelrun.kube.access import Configured
from parallelrun.kube.client import Kube

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"


class ExecServer:
    """Speaks the channel protocol; ``breaks_after`` bytes of stdout the connection is cut (None: never)."""

    def __init__(self, breaks_after: int | None = None, protocol: str = V5) -> None:
        self.breaks_after, self.protocol = breaks_after, protocol
        self.commands: list[list[str]] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(self.protocol,), max_msg_size=0)
        await socket.prepare(request)
        command = request.query.getall("command")
        self.commands.append(command)
        words = [sys.executable if word == "python3" else word for word in command]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            await self._serve(socket, process)
        finally:  # however it ends: a server that is stopped cancels this
            if process.returncode is None:
                process.kill()
            await process.wait()  # one that is not waited for is a warning of the garbage collector's
            process._transport.close()  # type: ignore[attr-defined]  # there is no public way
        await socket.close()
        return socket

    async def _serve(self, socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
        feeding = asyncio.create_task(self._feed(socket, process))
        passing = asyncio.create_task(self._pass_all(socket, process))
        await asyncio.wait((feeding, passing), return_when=asyncio.FIRST_COMPLETED)
        if process.returncode is None:  # whoever called hung up, or the connection broke
            process.kill()
        for task in (feeding, passing):
            task.cancel()
        await asyncio.gather(feeding, passing, return_exceptions=True)
        await process.communicate()

    async def _pass_all(self, socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
        await asyncio.gather(self._pass(socket, process.stdout, 1), self._pass(socket, process.stderr, 2))
        await socket.send_bytes(b"\x03" + json.dumps(status(await process.wait())).encode())

    async def _feed(self, socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[:1] == b"\x00":
                with suppress(ConnectionError):  # a program that reads no more has its say all the same
                    process.stdin.write(message.data[1:])
                    await process.stdin.drain()

    async def _pass(self, socket: web.WebSocketResponse, stream: asyncio.StreamReader | None, channel: int) -> None:
        assert stream is not None
        sent = 0
        while piece := await stream.read(1 << 15):
            await socket.send_bytes(bytes((channel,)) + piece)
            sent += len(piece)
            if channel == 1 and self.breaks_after is not None and sent >= self.breaks_after:
                await socket.close(code=1011)
                raise ConnectionResetError


def status(code: int) -> dict[str, object]:
    """The Status object that ends an exec."""
    if code == 0:
        return {"status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}


@asynccontextmanager
async def serving(server: ExecServer) -> AsyncIterator[Reader]:
    """A pod whose programs ``server`` runs."""
    from kubernetes.aio.client import Configuration

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/team/pods/reader/exec", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with Kube(Configured(Configuration(host=f"http://{host}:{port}")), "team") as kube:
            yield Reader(kube, "team", "reader")
    finally:
        await runner.cleanup()
