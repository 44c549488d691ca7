"""Fetches an object, or some of its bytes, into a file: whole and of the planned version, or not at all.

Large objects come in pieces, several at a time; a piece whose body breaks off goes on at the byte that was reached.
Every answer tells size and version, and both are compared with the plan's, so that no file is ever mixed from two.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun_agent.storage import errors, identity, side_by_side
from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.errors import NoRanges
from parallelrun_agent.storage.patience import Patience
from parallelrun_agent.storage.places import Place
from parallelrun_agent.storage.requests import ask_async

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Range = tuple[int, int]

#: What is asked for at a time, and how many at a time of one file.
PIECE = 16 << 20
PARALLEL = 4
#: Ranges nearer to each other than this are one request.
_NEAR = 1 << 16
#: Bodies are taken from the network in blocks of about this size.
_BLOCK = 1 << 20


class Fetching:
    """One object on its way into a file."""

    def __init__(self, client: Client, place: Place, size: int, version: int, patience: float) -> None:
        """Of the object at ``place``, planned with ``size`` and ``version``."""
        self._client, self._place, self._size, self._version = client, place, size, version
        self._patience = patience

    async def to(self, target: Path, ranges: Sequence[Range] | None, known: Sequence[tuple[int, bytes]] = ()) -> None:
        """Into ``target``, which is there whole (with ``ranges``: sparse) or not at all.

        ``known`` are bytes, each with its offset, that need no request. Raises StorageError, and OSError for the disk.
        """
        temporary = target.parent / f".part-{secrets.token_hex(8)}"
        file = _File(temporary)
        try:
            for offset, data in known:
                file.write(data, offset)
            await self._fill(file, [(0, self._size)] if ranges is None else ranges)
            file.finish(self._size, target)
        finally:
            file.close()

    async def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop)."""
        data = bytearray(stop - start)

        async def keep(block: bytes, offset: int) -> None:
            data[offset - start : offset - start + len(block)] = block

        await self._piece((start, stop), keep)
        return bytes(data)

    async def _fill(self, file: _File, ranges: Sequence[Range]) -> None:
        async def write(block: bytes, offset: int) -> None:
            if len(block) < _BLOCK // 4:
                file.write(block, offset)
            else:
                await asyncio.to_thread(file.write, block, offset)

        if not self._size:
            await self._piece((0, 0), write)  # is it there, and as planned?
            return
        try:
            pieces = _pieces(ranges)
            await side_by_side.each(pieces, lambda piece: self._piece(piece, write), min(PARALLEL, len(pieces)))
        except NoRanges:
            await self._piece((0, self._size), write, is_resumed=False)

    async def _piece(
        self, piece: Range, write: Callable[[bytes, int], Awaitable[None]], is_resumed: bool = True
    ) -> None:
        """The bytes of ``piece``; where it is not to be resumed, all of them again after a body that broke off."""
        patience = Patience(self._patience)
        position, stop = piece

        async def go_on(store: ObjectStore) -> None:
            nonlocal position
            position = position if is_resumed else piece[0]
            result = await self._answer(store, position, stop)
            async for block in _blocks(result, stop - position):
                if position + len(block) > stop:
                    raise ConnectionError(f"more was sent than the bytes up to {stop}")
                await write(block, position)
                position += len(block)
                patience.progress()
            if position < stop:
                raise ConnectionError(f"the connection ended at byte {position} of {stop}")

        await ask_async(self._client, self._place, patience, go_on)

    async def _answer(self, store: ObjectStore, position: int, stop: int) -> Any:
        """The answer to a request for [position, stop), of the planned version."""
        import obstore
        from obstore.exceptions import NotSupportedError

        whole = position == 0 and stop == self._size
        try:
            result = await obstore.get_async(
                store, self._place.key, options=None if whole else {"range": (position, stop)}
            )
        except NotSupportedError as error:
            raise errors.no_ranges(self._place.store, self._place.url) from error
        check(self._place, result.meta, self._size, self._version)
        if result.range != (position, stop):
            raise ConnectionError(f"bytes {result.range} were sent for {(position, stop)}")
        return result


def check(place: Place, meta: Any, size: int, version: int) -> None:
    """Raises Changed where an answer is not of the planned size and version."""
    if meta["size"] != size:
        raise errors.changed(place.store, place.url, f"it has {meta['size']} bytes, had {size}")
    if not identity.is_version(meta, version):
        raise errors.changed(place.store, place.url, f"it was written again ({size} bytes as before)")


def merged(ranges: Sequence[Range], near: int = _NEAR) -> list[Range]:
    """Ranges in ascending order; those that touch or nearly do as one."""
    found: list[Range] = []
    for start, stop in sorted(ranges):
        if start >= stop:
            continue
        if found and start - found[-1][1] <= near:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _pieces(ranges: Sequence[Range]) -> list[Range]:
    return [(at, min(at + PIECE, stop)) for start, stop in merged(ranges) for at in range(start, stop, PIECE)]


async def _blocks(result: Any, length: int) -> AsyncIterator[bytes]:
    """The body; a small one at once, which takes fewer turns of the event loop."""
    if length <= _BLOCK:
        yield await result.buffer_async()
        return
    async for block in result.stream(_BLOCK):
        yield block


class _File:
    """The file that is being filled. Writes may come from threads that outlive a cancelled fetch: they come to nothing.

    Without that, they would go to whatever file has the descriptor's number by then.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()
        self._is_open = self._is_temporary = True

    def write(self, block: bytes, offset: int) -> None:
        view = memoryview(block)
        with self._lock:
            while view and self._is_open:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written

    def finish(self, size: int, target: Path) -> None:
        os.ftruncate(self._descriptor, size)
        os.rename(self._path, target)
        self._is_temporary = False

    def close(self) -> None:
        with self._lock:
            self._is_open = False
            os.close(self._descriptor)
        if self._is_temporary:
            self._path.unlink(missing_ok=True)
