"""The lease store of a run on this machine: in this process's memory, with the header on disk as well.

Shards need no disk: what is sealed says what is finished, and a resumed run builds them anew from that.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.leases.store import HEADER, MemoryStore

#: Wait so long before a write to a full volume is tried again.
RETRY_SECONDS = 1.0


class LocalStore(MemoryStore):
    """A store whose header is durable in ``folder`` before anyone sees it.

    Where the volume is full, whoever swaps the header waits until it is not; ``on_stall`` is told why, once.
    """

    def __init__(self, folder: Path, on_stall: Callable[[str], None]) -> None:
        super().__init__(self._persist)
        self._folder, self._on_stall = folder, on_stall

    async def swap(self, name: str, version: str, value: dict[str, Any]) -> bool:
        """As in ``Store``; raises OSError where the header cannot be written for another reason."""
        said = ""
        while True:
            try:
                return await super().swap(name, version, value)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                if said != str(error):
                    said = str(error)
                    self._on_stall(f"paused: cannot write {self._folder / layout.HEADER}: {error.strerror}")
            await asyncio.sleep(RETRY_SECONDS)

    def _persist(self, name: str, value: dict[str, Any]) -> None:
        if name == HEADER:
            write_header(self._folder, value)


def write_header(folder: Path, value: dict[str, Any]) -> None:
    """Write the header, whole or not at all, and make it durable. Raises OSError."""
    path = folder / layout.HEADER
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
