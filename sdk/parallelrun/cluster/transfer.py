"""Files through a reader pod, both ways, as one tar stream: constant memory, whole files or none, checked at the end.

The packing and unpacking block, so they run in a thread of their own; a pipe joins them with the connection, and makes
each side wait for the other.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from parallelrun.api import pod_layout
from parallelrun.api.errors import ParallelRunError
from parallelrun.cluster.in_pod import receive, remove, send
from parallelrun.cluster.reader import CONTAINER, Reader
from parallelrun.kube.errors import Unavailable
from parallelrun.kube.exec import Process, execute

Tell = Callable[[int], object]  # told the number of bytes of each piece

_PIECE = 1 << 16
_NAME_MISSING = 3
#: Reads a program and what it is asked from stdin: long ones do not fit into a URL.
_BOOT = (
    "import sys,json;h=json.loads(sys.stdin.buffer.readline());"
    'sys.argv=["parallelrun",json.dumps(h["request"])];'
    'exec(compile(sys.stdin.buffer.read(h["size"]),"parallelrun","exec"))'
)


class TransferError(ParallelRunError):
    """Files did not get across, or not whole."""


class NoSuchFile(TransferError):
    """What was asked for is not on the volume."""


async def download(
    pod: Reader, parts: Sequence[dict[str, Any]], target: Path, tell: Tell, hashes: Mapping[str, str] | None = None
) -> int:
    """Fetch the files of ``parts`` (see ``in_pod.send``) into ``target``; how many.

    ``hashes``: the SHA-256 that files must have, by name. Raises TransferError, NoSuchFile and OSError.
    """
    read_end, write_end = os.pipe()
    unpacking = asyncio.create_task(asyncio.to_thread(_unpack, read_end, target, tell, hashes))
    try:
        async with running(pod, send, {"parts": list(parts)}) as process:
            async for piece in process.output():
                if unpacking.done():
                    break
                await asyncio.to_thread(_write_all, write_end, piece)
            if not unpacking.done():
                raise_failure(process, "reading the volume")
    except BrokenPipeError:
        pass  # the unpacking has ended, well or not
    finally:
        os.close(write_end)
        counts = (await asyncio.gather(unpacking, return_exceptions=True))[0]
    if isinstance(counts, receive.Damaged):
        raise TransferError(f"What came is not whole: {counts}.", "Run it again; what came whole is kept.") from counts
    if isinstance(counts, BaseException):
        raise counts
    return counts["files"]


def _unpack(read_end: int, target: Path, tell: Tell, hashes: Mapping[str, str] | None) -> dict[str, int]:
    with open(read_end, "rb", buffering=0) as stream:  # closed at once: whoever writes must not wait for ever
        return receive.unpack(stream, os.fspath(target), tell, hashes)


async def upload(pod: Reader, parts: Sequence[dict[str, Any]], target: str, tell: Tell) -> int:
    """Send the files of ``parts``, on this machine, into the folder ``target`` of the pod; how many.

    Raises TransferError and OSError.
    """
    read_end, write_end = os.pipe()
    packing = asyncio.create_task(asyncio.to_thread(_pack, write_end, list(parts), tell))
    try:
        async with running(pod, receive, {"target": target}) as process:
            said = await _fed(process, _feed(process, read_end, packing))
            raise_failure(process, "writing to the volume")
    finally:
        os.close(read_end)
        sent = (await asyncio.gather(packing, return_exceptions=True))[0]
    if isinstance(sent, BaseException):
        raise sent
    if json.loads(said) != sent:
        raise TransferError(f"{sent} were sent, and {said.decode().strip()} came.", "Run it again.")
    return sent["files"]


async def _fed(process: Process, feed: Coroutine[Any, Any, None]) -> bytes:
    """The output of a program that is fed meanwhile; whichever of the two fails ends both."""
    feeding, reading = asyncio.create_task(feed), asyncio.create_task(_all(process))
    try:
        await asyncio.wait((feeding, reading), return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            with suppress(Unavailable):  # it takes no more, and why is for it to say
                feeding.result()
        return await reading
    finally:
        feeding.cancel()
        reading.cancel()
        await asyncio.gather(feeding, reading, return_exceptions=True)


async def _all(process: Process) -> bytes:
    return b"".join([piece async for piece in process.output()])


def _pack(write_end: int, parts: list[dict[str, Any]], tell: Tell) -> dict[str, int]:
    with open(write_end, "wb") as out:
        return send.pack(out, parts, tell)


async def _feed(process: Process, read_end: int, packing: asyncio.Task[dict[str, int]]) -> None:
    """Until the packing ends; raises what made it fail, since the other side would wait for more for ever."""
    while piece := await asyncio.to_thread(os.read, read_end, _PIECE):
        await process.write(piece)
    await packing


async def show(pod: Reader, path: str, write: Callable[[bytes], object]) -> None:
    """Give the bytes of one file of the pod to ``write``, in pieces. Raises TransferError."""
    async with execute(pod.kube, pod.namespace, pod.name, CONTAINER, ["cat", "--", path]) as process:
        async for piece in process.output():
            await asyncio.to_thread(write, piece)
        raise_failure(process, "reading the volume")


async def delete(pod: Reader, path: str) -> None:
    """Remove a folder with all that is in it; none is fine. Raises TransferError."""
    async with running(pod, remove, {"folder": path}) as process:
        async for _ in process.output():
            pass
        raise_failure(process, "removing files from the volume")


@asynccontextmanager
async def running(pod: Reader, program: ModuleType, request: dict[str, Any]) -> AsyncIterator[Process]:
    """A program of ``in_pod`` that runs in the pod; its stdin is open behind it."""
    text = inspect.getsource(program).encode()
    head = json.dumps({"size": len(text), "request": request}).encode() + b"\n"
    async with execute(pod.kube, pod.namespace, pod.name, CONTAINER, ["python3", "-c", _BOOT]) as process:
        await process.write(head + text)
        yield process


def raise_failure(process: Process, what: str) -> None:
    """Raise what a program that has ended says went wrong, if anything did."""
    if process.exit_code == 0:
        return
    if process.exit_code == _NAME_MISSING and what.startswith("reading"):
        raise NoSuchFile(f"There is no {process.stderr.removeprefix(pod_layout.CLAIMS + '/')} on the volume.")
    if process.exit_code in (137, 143, None):
        raise Unavailable(f"{what} broke off: the pod was stopped")
    raise TransferError(f"{what} failed: {process.stderr or f'exit code {process.exit_code}'}")


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
