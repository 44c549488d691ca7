"""A program that runs in a container, its streams over one websocket, as ``kubectl exec`` has it.

Each message is a channel's number and bytes: 0 stdin, 1 stdout, 2 stderr, and 3, which carries one Status object when
the program has ended. Both ways are flow-controlled: who writes waits for the container, and the container for who
reads, so streams of any length take constant memory.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from parallelrun.kube import errors
from parallelrun.kube.resources import PODS

if TYPE_CHECKING:
    from parallelrun.kube.client import Kube

STDIN, STDOUT, STDERR, STATUS = range(4)
#: Bytes of a message; the kubelet reads and writes in pieces of this size.
_PIECE = 1 << 15
#: Bytes of stderr that are kept, from its end: what a program says when it fails.
_STDERR_KEPT = 1 << 16


class Process:
    """One running program. Whoever writes to it has to read :meth:`output` at the same time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
        """``name``: of the pod, for messages."""
        self._socket = socket
        self._name = name
        self._stderr = b""
        self.exit_code: int | None = None  # None: it has not ended, or nobody knows

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr so far."""
        return self._stderr.decode(errors="replace").strip()

    async def write(self, data: bytes) -> None:
        """To its stdin; returns when the connection has taken it. Raises Unavailable."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), _PIECE):
                await self._socket.send_bytes(bytes((STDIN,)) + view[start : start + _PIECE])
        except (aiohttp.ClientError, OSError) as error:
            raise errors.Unavailable(f"the connection to pod {self._name} broke off: {error}") from error

    async def output(self) -> AsyncIterator[bytes]:
        """Its stdout, until it has ended. Raises Unavailable where the connection ends before the program."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.ERROR:
                break
            data: bytes = message.data if isinstance(message.data, bytes) else message.data.encode()
            channel, content = (data[0], data[1:]) if data else (STDOUT, b"")
            if channel == STDOUT and content:
                yield content
            elif channel == STDERR:
                self._stderr = (self._stderr + content)[-_STDERR_KEPT:]
            elif channel == STATUS:
                self.exit_code = _exit_code(content, self._name)
        if self.exit_code is None:
            raise errors.Unavailable(f"the connection to pod {self._name} broke off")


@asynccontextmanager
async def execute(
    kube: Kube, namespace: str, pod: str, container: str, command: Sequence[str]
) -> AsyncIterator[Process]:
    """Start ``command`` in a container that runs; leaving the block hangs up. Raises KubeError."""
    query = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in command]
    async with kube.websocket(PODS.path(namespace, pod, "exec"), query) as socket:
        yield Process(socket, pod)


def _exit_code(content: bytes, name: str) -> int:
    """What the Status object on the last channel says; raises KubeError where the program could not be started."""
    status = json.loads(content)
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise errors.KubeError(f"nothing could be run in pod {name}: {status.get('message')}", 0, str(status.get("reason")))
