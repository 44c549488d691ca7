"""This process's slot: what it is running now, in memory that survives any death of the process.

Only what a slot says is timed, charged or suspect, so it has to be right at every instant: the state is the last
thing written before a mini-batch and the first thing cleared after it.
"""

from __future__ import annotations

import mmap
import os
import struct

from parallelrun_worker.wire import IDLE, SLOT

#: The slot without its state: try, mini_batch, started, items, epoch.
_BODY = struct.Struct("<H4xQdQQ24x")
_STATE_SIZE = SLOT.size - _BODY.size


class Slot:
    """One process's part of the slots file."""

    def __init__(self, path: str, process: int) -> None:
        """Map the slot of ``process``; what an earlier incarnation left in it is cleared."""
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._map = mmap.mmap(descriptor, (process + 1) * SLOT.size)
        finally:
            os.close(descriptor)
        self._start = process * SLOT.size
        self._body = self._start + _STATE_SIZE
        self._map[self._start : self._start + SLOT.size] = bytes(SLOT.size)

    def enter(self, state: int, mini_batch: int, epoch: int, try_number: int, started: float, items: int) -> None:
        """From now on this mini-batch is being read or run; ``started`` in seconds of CLOCK_MONOTONIC."""
        self._map[self._start] = IDLE
        _BODY.pack_into(self._map, self._body, try_number, mini_batch, started, items, epoch)
        self._map[self._start] = state

    def leave(self) -> None:
        """Nothing is being run."""
        self._map[self._start] = IDLE
