"""The agent's own segment: the records of mini-batches whose tries are all spent.

A process that died cannot write its own failure, so the holder of the lease writes all of them. After an I/O error
the segment is abandoned for a new one, and what was not sealed is written there again.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from parallelrun.api.layout import segment_name
from parallelrun_worker.segment import FAILED, Writer


class FailureSegment:
    """Not opened before the first failure. ``records`` and the result of :meth:`sync` count over all its files."""

    def __init__(self, folder: Path, node: int, holder: str) -> None:
        self._folder, self._node, self._holder = folder, node, holder
        self._incarnation = -1
        self._writer: Writer | None = None
        self._unsealed: deque[tuple[bytes, int, int, int, int, float]] = deque()
        self._sealed = 0

    def add(self, payload: bytes, mini_batch: int, epoch: int, try_number: int, items: int, seconds: float) -> None:
        """Queue one failure; written by the next :meth:`sync`."""
        self._unsealed.append((payload, mini_batch, epoch, try_number, items, seconds))

    def sync(self) -> int:
        """Write and make durable what is queued; returns how many records are sealed in all. Raises OSError."""
        count = len(self._unsealed)
        if count:
            try:
                self._write(count)
            except OSError:
                self._writer = None  # never written to again
                raise
            for _ in range(count):
                self._unsealed.popleft()
            self._sealed += count
        return self._sealed

    def _write(self, count: int) -> None:
        if self._writer is None:
            self._incarnation += 1
            name = segment_name(self._node, self._holder, "agent", self._incarnation)
            self._writer = Writer(str(self._folder / name))
        for _, (payload, mini_batch, epoch, try_number, items, seconds) in zip(
            range(count), self._unsealed, strict=False
        ):
            self._writer.add(payload, mini_batch, epoch, try_number, FAILED, items, 0, 0, seconds)
        self._writer.flush()
        self._writer.sync()
