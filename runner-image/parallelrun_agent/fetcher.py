"""How one file of a mini-batch comes to this node, by the input's mode and kind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from parallelrun.api import web_addresses
from parallelrun.api.settings import InputSettings
from parallelrun_agent.cache import Cache
from parallelrun_agent.downloads import Downloads
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.staging import Staged, united
from parallelrun_agent.storage.errors import StorageError, shown
from parallelrun_agent.storage.places import Place

#: A signed URL is good for so long: the longest that a mini-batch may reasonably wait and run.
SIGNED_SECONDS = 24 * 3600.0
READ_ONLY = 0o444
_WHOLE = -1


class Store(Protocol):
    """What is asked of ``parallelrun_agent.storage.Storage``."""

    async def fetch(
        self, path: str, size: int, version: int, target: Path, ranges: Sequence[tuple[int, int]] | None = None
    ) -> None:
        """Fetch an object, whole or only some of its bytes, into a file that then appears at once."""

    async def needed(
        self, table: Mapping[str, Any], path: str, size: int, start: int, stop: int, version: int
    ) -> list[tuple[int, int]]:
        """The bytes that a table's part is read from."""

    def signed(self, url: str, seconds: float) -> str:
        """The object's address for anybody, for so long."""

    def place(self, url: str) -> Place:
        """The store of a URL; raises StorageError where there is none."""


class Fetcher:
    """Brings files; see :meth:`bring`."""

    def __init__(
        self,
        store: Store,
        inputs: Sequence[InputSettings],
        table: dict[str, Any] | None,
        cache: Cache,
        downloads: Downloads,
    ) -> None:
        """``table`` is that of the plan; None for files."""
        self._store, self._inputs, self._table = store, inputs, table
        self._cache, self._downloads = cache, downloads

    @property
    def takes_room(self) -> bool:
        """Whether what is brought is deleted after use, and counts until then."""
        return self._table is not None or any(one.mode == "Mount" for one in self._inputs)

    async def bring(self, staged: Staged, file: PlannedFile) -> None:
        """Bring one file of a mini-batch and note its place there.

        Raises what the store raises, OSError, and ``cache_names.NoFileName``.
        """
        one = self._inputs[file.input]
        if self._table is not None:
            await self._bring_part(staged, file, self._table)
        elif one.mode == "Direct":
            # May ask the cloud for a key to sign with.
            self._note(staged, file, await asyncio.to_thread(self._store.signed, file.path, SIGNED_SECONDS))
        elif one.mode == "Download":
            self._note(staged, file, await self._downloads.input_file(one, file.path, file.size, file.version))
        else:
            place = self._cache.input_file(one, file.path)
            self._note(staged, file, place)
            await self._store.fetch(file.path, file.size, file.version, Path(place))
            os.chmod(place, READ_ONLY)

    def store_of(self, file: PlannedFile) -> str:
        """The store that a file is in, as people know it."""
        try:
            return shown(self._store.place(file.path).store)
        except StorageError:  # said by name when the file is fetched
            return web_addresses.shown(file.path)

    async def ask(self, file: PlannedFile) -> None:
        """Fetch a byte of a file that came before, to see whether its store answers. Raises as :meth:`bring`."""
        place = self._cache.scratch()
        try:
            await self._store.fetch(file.path, file.size, file.version, place, [(0, min(1, file.size))])
        finally:
            place.unlink(missing_ok=True)

    def forget(self, staged: Staged) -> None:
        """Delete what is not needed any more."""
        for place in staged.urls:
            self._cache.remove(place)

    async def _bring_part(self, staged: Staged, file: PlannedFile, table: dict[str, Any]) -> None:
        place = self._cache.part_file(staged.mini_batch, file.number, file.path)
        self._note(staged, file, place)
        ranges = None
        if all(stop != _WHOLE for _, stop in file.parts):
            needed = self._store.needed
            found = [await needed(table, file.path, file.size, *part, file.version) for part in file.parts]
            ranges = united([one for some in found for one in some])
            staged.measured(file, sum(stop - start for start, stop in ranges))
        await self._store.fetch(file.path, file.size, file.version, Path(place), ranges)
        os.chmod(place, READ_ONLY)

    @staticmethod
    def _note(staged: Staged, file: PlannedFile, place: str) -> None:
        staged.places[file.number] = place
        staged.urls[place] = web_addresses.shown(file.path)
