"""How much of a transfer has gone by, on one line of a terminal that is written over; nothing anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from parallelrun.cli.terminal import is_terminal, size

EVERY = 0.2  # seconds


class Meter:
    """A context manager; :meth:`add` may be called from any thread."""

    def __init__(self, what: str) -> None:
        """``what``: in front of the line, such as "fetching"."""
        self._what = what
        self._shown = is_terminal(sys.stderr)
        self._lock = threading.Lock()
        self._started = self._said = time.monotonic()
        self.bytes = 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def add(self, count: int) -> None:
        """So many bytes more have gone by."""
        with self._lock:
            self.bytes += count
            now = time.monotonic()
            if not self._shown or now - self._said < EVERY:
                return
            self._said = now
            rate = self.bytes / max(now - self._started, EVERY)
            print(f"\r\x1b[K{self._what}: {size(self.bytes)}, {size(int(rate))}/s", end="", file=sys.stderr, flush=True)
