"""Random access to a file or an object, for planning: windows of bytes, each checked to be of the listed version.

An object's bytes come by requests that take tens of milliseconds each, so that they are made ahead: windows that are
announced with ``expect`` are fetched side by side, and one who reads on and on gets ever larger windows in advance.
"""

from __future__ import annotations

import bisect
import io
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, Protocol

from parallelrun.api.errors import InputError
from parallelrun_agent.storage import errors
from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.fetching import check
from parallelrun_agent.storage.patience import Patience
from parallelrun_agent.storage.places import Place
from parallelrun_agent.storage.requests import ask

if TYPE_CHECKING:
    from types import TracebackType

    from obstore.store import ObjectStore

#: Of one who reads on: the first window, the largest, and how many of these are fetched ahead.
_FIRST, _LARGEST, _AHEAD = 1 << 17, 4 << 20, 4
#: Bytes that one source keeps.
_KEPT = 64 << 20


class Source(Protocol):
    """A file or an object, open for reading; a context manager."""

    path: str
    size: int
    is_local: bool

    def read(self, offset: int, length: int) -> bytes:
        """The bytes at ``offset``: ``length``, fewer at the end only. Raises InputError or StorageError."""

    def some(self, offset: int, length: int) -> bytes:
        """Bytes at ``offset``: up to ``length``, at least one unless it is the end; what is here already is enough."""

    def expect(self, windows: Iterable[tuple[int, int]]) -> None:
        """Windows [start, stop) that will be read, in this order."""

    def stream(self) -> IO[bytes]:
        """All of it from its beginning, as a file that can seek."""

    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class FileSource:
    """A file of this machine or a volume."""

    is_local = True

    def __init__(self, path: str, size: int) -> None:
        """Opened when it is first read; raises InputError then where its size is not ``size``."""
        self.path, self.size = path, size
        self._descriptor = -1

    def read(self, offset: int, length: int) -> bytes:
        """As Source has it."""
        if self._descriptor < 0:
            self._open()
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise InputError(f"{self.path} at byte {offset}: {error.strerror}") from error

    def some(self, offset: int, length: int) -> bytes:
        """As Source has it."""
        return self.read(offset, length)

    def expect(self, windows: Iterable[tuple[int, int]]) -> None:
        """The kernel reads ahead by itself."""

    def stream(self) -> IO[bytes]:
        """As Source has it; raises OSError."""
        return open(self.path, "rb")

    def close(self) -> None:
        """As Source has it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}", "Every file of an input must be readable.") from error
        if size != self.size:
            raise became_shorter(self.path)


def became_shorter(path: str) -> InputError:
    """The error for a file that changes under the planner."""
    return InputError(f"{path} changed while it was planned", "Run the job when nothing writes to its input.")


class ObjectSource:
    """An object of a store; what is read is of the version that was listed."""

    is_local = False

    def __init__(
        self, client: Client, place: Place, size: int, version: int, pool: ThreadPoolExecutor, patience: float
    ) -> None:
        """``pool`` makes the requests."""
        self.path, self.size = place.url, size
        self._client, self._place, self._version = client, place, version
        self._pool, self._patience = pool, patience
        self._starts: list[int] = []  # of the windows, ascending
        self._windows: dict[int, tuple[int, Future[bytes]]] = {}  # by start: stop, and the bytes; oldest first
        self._held = 0
        self._reached = -1  # where the last read ended
        self._run = 0  # how many windows one who reads on has had

    def read(self, offset: int, length: int) -> bytes:
        """As Source has it."""
        stop = min(offset + length, self.size)
        pieces = []
        while offset < stop:
            start, end, data = self._window(offset, stop)
            pieces.append(data[offset - start : stop - start])
            offset = min(end, stop)
        self._reached = stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def some(self, offset: int, length: int) -> bytes:
        """As Source has it."""
        start = self._holds(offset)
        if start is None:
            return self.read(offset, length)
        end, window = self._windows[start]
        self._reached = min(end, offset + length)
        return window.result()[offset - start : self._reached - start]

    def expect(self, windows: Iterable[tuple[int, int]]) -> None:
        """As Source has it."""
        for start, stop in windows:
            stop = min(stop, self.size)
            if start < stop and self._holds(start) is None:
                self._ask(start, stop)

    def stream(self) -> IO[bytes]:
        """As Source has it."""
        return io.BufferedReader(_Stream(self), 1 << 16)

    def close(self) -> None:
        """As Source has it; what is on its way comes for nothing."""
        for _, window in self._windows.values():
            window.cancel()
        self._windows.clear()
        self._starts.clear()

    def __enter__(self) -> ObjectSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _window(self, offset: int, stop: int) -> tuple[int, int, bytes]:
        """The window that holds ``offset``: its start, stop and bytes."""
        start = self._holds(offset)
        if start is None:
            start = offset
            self._run = self._run + 1 if offset == self._reached else 0
            length = min(_FIRST << self._run, _LARGEST) if self._run else 0
            self._ask(start, min(self.size, max(stop, start + length)))
        end, future = self._windows[start]
        if self._run and end - start == _LARGEST:
            self.expect((at, at + _LARGEST) for at in range(end, end + _AHEAD * _LARGEST, _LARGEST))
        return start, end, future.result()

    def _holds(self, offset: int) -> int | None:
        """The start of the window that holds ``offset``."""
        place = bisect.bisect_right(self._starts, offset) - 1
        if place >= 0 and self._windows[self._starts[place]][0] > offset:
            return self._starts[place]
        return None

    def _ask(self, start: int, stop: int) -> None:
        while self._held > _KEPT:
            oldest: int = next(iter(self._windows))
            end, _ = self._windows.pop(oldest)
            self._held -= end - oldest
            del self._starts[bisect.bisect_left(self._starts, oldest)]
        self._windows[start] = stop, self._pool.submit(self._fetch, start, stop)
        bisect.insort(self._starts, start)
        self._held += stop - start

    def _fetch(self, start: int, stop: int) -> bytes:
        return ask(self._client, self._place, Patience(self._patience), lambda store: self._get(store, start, stop))

    def _get(self, store: ObjectStore, start: int, stop: int) -> bytes:
        import obstore
        from obstore.exceptions import NotSupportedError

        whole = start == 0 and stop == self.size
        try:
            result: Any = obstore.get(store, self._place.key, options=None if whole else {"range": (start, stop)})
        except NotSupportedError as error:
            raise errors.no_ranges(self._place.store, self.path) from error
        check(self._place, result.meta, self.size, self._version)
        data = bytes(result.bytes())
        if len(data) != stop - start:
            raise ConnectionError(f"{len(data)} bytes were sent for {stop - start}")
        return data


class _Stream(io.RawIOBase):
    """An ObjectSource as a raw file."""

    def __init__(self, source: ObjectSource) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
