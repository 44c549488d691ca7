"""The lease store of a run on this machine: in this process's memory, with the header on disk as well.

Shards need no disk: what is sealed says what is finished, and a resumed run builds them anew from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import NoSpace
from parallelrun.leases.store import HEADER, MemoryStore
from parallelrun.local import run_folder

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
        """As in ``Store``; raises RunFolderError where the header cannot be written for another reason."""
        said = ""
        while True:
            try:
                return await super().swap(name, version, value)
            except NoSpace as error:
                if said != error.message:
                    said = error.message
                    self._on_stall(f"paused: {said}")
            await asyncio.sleep(RETRY_SECONDS)

    def _persist(self, name: str, value: dict[str, Any]) -> None:
        if name == HEADER:
            run_folder.write_json(self._folder, layout.HEADER, value)
