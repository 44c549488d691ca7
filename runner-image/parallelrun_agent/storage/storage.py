"""All stores of a job, and files beside them: what planning, agents and the merge read from and write to.

What speaks to stores is imported by the methods that need it: jobs over plain files start without.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parallelrun_agent.storage import errors, places
from parallelrun_agent.storage.patience import Waiting
from parallelrun_agent.storage.places import Place

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from parallelrun.api.settings import StoreSettings
    from parallelrun_agent.storage.clients import Client
    from parallelrun_agent.storage.fetching import Range
    from parallelrun_agent.storage.listing import Found
    from parallelrun_agent.storage.parts import Footer
    from parallelrun_agent.storage.reading import Source

#: What is failing for longer is given up.
PATIENCE_SECONDS = 300.0

#: Requests that planning makes at a time.
_THREADS = 32
#: Bytes of Parquet footers that are kept.
_FOOTERS = 32 << 20


class Storage:
    """The stores of a job. What is synchronous is for threads; nothing is opened before it is needed.

    Everything raises StorageError: Refused, Gone, Changed, Unreachable, or itself.
    """

    def __init__(self, stores: Sequence[StoreSettings], patience: float = PATIENCE_SECONDS) -> None:
        """``patience``: seconds after which a store that goes on failing is given up."""
        self._stores = list(stores)
        self._patience = patience
        self._clients: dict[tuple[str, str], Client] = {}
        self._lock = threading.Lock()
        self._waiting = Waiting()
        self._pool: ThreadPoolExecutor | None = None
        self._footers: OrderedDict[tuple[str, int, int], Footer] = OrderedDict()

    def waits_for(self, after: float) -> str:
        """Which store does not answer, and why, where a request has failed for ``after`` seconds; or ""."""
        return self._waiting.text(after)

    def entries(self, url: str) -> Iterator[Found]:
        """Every object below ``url`` (a prefix): URL, size, version; unsorted, a page at a time."""
        from parallelrun_agent.storage import listing

        return listing.entries(*self._at(url), self._patience)

    def entry(self, url: str) -> Found | None:
        """One object: URL, size, version; None where there is none."""
        from parallelrun_agent.storage import listing

        return listing.entry(*self._at(url), self._patience)

    def each_entry(self, urls: Iterable[str]) -> Iterator[Found | None]:
        """What :meth:`entry` says of each, asked side by side."""
        return self._threads().map(self.entry, urls)

    def place(self, url: str) -> Place:
        """The store of a URL, and the key there."""
        return places.find(self._stores, url)

    def source(self, path: str, size: int | None = None, version: int | None = None) -> Source:
        """Random access to a file or an object; without size and version, as it is now."""
        from parallelrun_agent.storage.reading import FileSource, ObjectSource

        if not places.is_url(path):
            return FileSource(path, os.stat(path).st_size if size is None else size)
        if size is None or version is None:
            found = self.entry(path)
            if found is None:
                raise errors.gone(self._at(path)[1].store, path)
            _, size, version = found
        return ObjectSource(*self._at(path), size, version, self._threads(), self._patience)

    def upload(self, source: Path, url: str) -> None:
        """Put a file; what was there is replaced when all of it has come."""
        from parallelrun_agent.storage import writing

        writing.upload(*self._at(url), self._patience, source)

    def put(self, url: str, data: bytes, only_new: bool = False) -> bool:
        """Put an object, with ``only_new`` where there is none; returns whether ``data`` is what is there now."""
        from parallelrun_agent.storage import writing

        return writing.put(*self._at(url), self._patience, data, only_new)

    def delete(self, url: str) -> None:
        """Remove an object, if it is there."""
        from parallelrun_agent.storage import writing

        writing.delete(*self._at(url), self._patience)

    def get(self, url: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        from parallelrun_agent.storage import writing

        return writing.get(*self._at(url), self._patience)

    def signed(self, url: str, seconds: float) -> str:
        """A URL that anybody can read the object with, for so long; of a public one, the URL as it is."""
        from parallelrun_agent.storage import signing

        return signing.signed(*self._at(url), seconds)

    async def fetch(
        self, path: str, size: int, version: int, target: Path, ranges: Sequence[Range] | None = None
    ) -> None:
        """An object of the planned size and version into ``target``: whole, or a sparse file with ``ranges``.

        ``target`` appears when it is complete; its folder is made. Raises OSError for what the disk refuses.
        """
        from parallelrun_agent.storage.fetching import Fetching

        known = []
        footer = self._footers.get((path, size, version))
        if ranges is not None and footer is not None:
            known = [(footer.start, footer.data)]
            ranges = [one for one in ranges if one[0] < footer.start]
        await Fetching(*self._at(path), size, version, self._patience).to(target, ranges, known)

    async def needed(
        self, table: Mapping[str, Any], path: str, size: int, start: int, stop: int, version: int
    ) -> list[Range]:
        """The bytes of an object that a part [start, stop) of it needs; ``table`` is that of worker.json.

        Raises InputError for a Parquet file that is none.
        """
        from parallelrun_agent.storage import parts

        if table["format"] != "parquet":
            return parts.of_text(size, start, stop)
        footer = await self._footer(path, size, version)
        ranges = parts.of_parquet(footer, parts.columns_of(table), start, stop)
        return [*ranges, (footer.start, size)]

    async def _footer(self, path: str, size: int, version: int) -> Footer:
        from parallelrun_agent.storage import parts
        from parallelrun_agent.storage.fetching import Fetching

        key = (path, size, version)
        footer = self._footers.get(key)
        if footer is None:
            fetching = Fetching(*self._at(path), size, version, self._patience)
            start = max(0, size - parts.TAIL)
            data = await fetching.read(start, size)
            first = parts.footer_start(path, data, size)
            if first < start:
                data = await fetching.read(first, start) + data
                start = first
            footer = await asyncio.to_thread(parts.parsed, path, start, data)
        self._footers[key] = footer
        self._footers.move_to_end(key)
        while len(self._footers) > 1 and sum(len(one.data) for one in self._footers.values()) > _FOOTERS:
            self._footers.popitem(last=False)
        return footer

    def _at(self, url: str) -> tuple[Client, Place]:
        from parallelrun_agent.storage.clients import Client

        place = places.find(self._stores, url)
        key = (place.store.url, place.query)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = self._clients[key] = Client(place.store, place.query, self._waiting)
        return client, place

    def _threads(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")
            return self._pool
