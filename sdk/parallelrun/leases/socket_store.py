"""A lease store over a Unix socket: how agents on one machine reach the store that the parent process holds.

One JSON object a line: ``{"id", "call": "read" | "swap" | "wait", "args"}`` and ``{"id", "value"}``. A connection that
ends is final: the parent is gone, and with it every lease; agents then stop at once (StoreGone).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from typing import Any

from parallelrun.leases.store import Store, StoreGone

#: A shard's JSON stays under 32 KiB, a node's progress well under this.
LINE_LIMIT = 1 << 20


#: The object that names the job's folder, for agents on one machine.
JOB = "job"


async def serve(store: Store, path: str) -> asyncio.Server:
    """Serve ``store`` on the Unix socket ``path`` until the server is closed."""

    async def answer(request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        value = await getattr(store, request["call"])(*request["args"])
        if not writer.is_closing():
            writer.write(json.dumps({"id": request["id"], "value": value}).encode() + b"\n")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                request = json.loads(line)
                if request["call"] not in ("read", "swap", "wait"):
                    raise ValueError(f"no such call: {request['call']}")
                if request["call"] != "wait":
                    await answer(request, writer)
                    continue
                task = asyncio.create_task(answer(request, writer))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the agent is gone and its lease will expire, or the run stops at once and all of them are gone
        finally:
            for task in waiting:
                task.cancel()
            writer.close()

    return await asyncio.start_unix_server(connected, path, limit=LINE_LIMIT)


async def job_folder(store: Store) -> str:
    """The folder of the job that the store belongs to."""
    value, _ = await store.read(JOB)
    if value is None:
        raise StoreGone("the lease store names no job")
    return str(value["folder"])


class SocketStore:
    """The agent's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._ids = itertools.count()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._gone = False
        self._listening = asyncio.create_task(self._listen(reader))

    @classmethod
    async def connect(cls, path: str, seconds: float = 0.0, parent: int | None = None) -> SocketStore:
        """Connect to the socket ``path``, trying for so long; raises StoreGone where nobody listens.

        An agent whose ``parent`` (pid) is gone stops trying: nobody will ever listen.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return cls(*await asyncio.open_unix_connection(path, limit=LINE_LIMIT))
            except OSError as error:
                if time.monotonic() >= deadline or parent not in (None, os.getppid()):
                    raise StoreGone(f"no lease store at {path}: {error}") from error
            await asyncio.sleep(0.005)

    async def read(self, name: str) -> tuple[dict[str, Any] | None, str]:
        """See :class:`parallelrun.leases.store.Store`; raises StoreGone."""
        value, version = await self._call("read", name)
        return value, version

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        """See :class:`parallelrun.leases.store.Store`; raises StoreGone."""
        return bool(await self._call("swap", name, version, value))

    async def wait(self, name: str, version: str, seconds: float) -> None:
        """See :class:`parallelrun.leases.store.Store`; raises StoreGone."""
        await self._call("wait", name, version, seconds)

    def close(self) -> None:
        """Leave; calls that wait raise StoreGone."""
        self._listening.cancel()
        self._fail()
        self._writer.close()

    async def _call(self, call: str, *args: Any) -> Any:
        if self._gone:
            raise StoreGone("the lease store is gone")
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self._writer.write(json.dumps({"id": number, "call": call, "args": args}).encode() + b"\n")
        try:
            return await future
        finally:
            self._pending.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                answer = json.loads(line)
                future = self._pending.get(answer["id"])
                if future is not None and not future.done():
                    future.set_result(answer["value"])
        except ConnectionError:
            pass
        self._fail()

    def _fail(self) -> None:
        self._gone = True
        for future in self._pending.values():
            if not future.done():
                future.set_exception(StoreGone("the lease store is gone"))
