"""The slots of a node's worker processes, as the agent sees them: mapped memory that survives any death.

The file lies on the job's volume, so a later holder can read what was running when this one died.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from parallelrun_agent.events import Slot
from parallelrun_worker.wire import IDLE, SLOT

NOTHING = Slot(IDLE, 0, 0, 0.0, 0)


class Slots:
    """The slots file of one holder; it is created empty and stays behind."""

    def __init__(self, path: Path, processes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            file.truncate(processes * SLOT.size)
            self._map = mmap.mmap(file.fileno(), processes * SLOT.size)
        self._processes = processes

    def read(self, process: int) -> Slot:
        """The slot of one process."""
        return _slot(self._map, process)

    def read_all(self) -> list[Slot]:
        """All of them, by process."""
        return [_slot(self._map, process) for process in range(self._processes)]


def left_behind(path: Path) -> list[Slot]:
    """What was being read or run when the holder of this slots file died; empty where there is no such file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    slots = [_slot(data, n) for n in range(len(data) // SLOT.size)]
    return [slot for slot in slots if slot.state != IDLE]


def _slot(buffer: mmap.mmap | bytes, process: int) -> Slot:
    state, try_number, mini_batch, started, items, _ = SLOT.unpack_from(buffer, process * SLOT.size)
    return Slot(state, mini_batch, try_number, started, items)
