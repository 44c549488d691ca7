"""What is in a store: every object below a prefix, streaming; or one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from parallelrun_agent.storage import errors, identity
from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.errors import Cause, Gone, StorageError
from parallelrun_agent.storage.patience import Patience
from parallelrun_agent.storage.places import Place, encoded
from parallelrun_agent.storage.requests import ask

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: path (a URL), size in bytes, version
Found = tuple[bytes, int, int]

#: What a store sends at a time.
_PAGE = 1000


def entries(client: Client, place: Place, patience: float) -> Iterator[Found]:
    """Every object below ``place``; one may come twice where a listing without an order broke off.

    Raises StorageError; of a web server, always: those have no listings.
    """
    if place.store.kind == "https":
        raise StorageError(
            place.url, f"{place.url}: a web server lists no files", "Name each file by its URL, without wildcards."
        )
    head = encoded(place.url_of("")) + b"/"
    skipped = len(place.store.prefix) + 1 if place.store.prefix else 0
    below = len(place.key) + 1 if place.key else 0
    pages = _Pages(place.key)
    tried = Patience(patience)
    while page := _page(client, place, tried, pages):
        tried.progress()
        for meta in page:
            if len(meta["path"]) <= below:  # what stands for the prefix itself
                continue
            yield head + encoded(meta["path"][skipped:]), meta["size"], identity.version(meta)


def _page(client: Client, place: Place, patience: Patience, pages: _Pages) -> list[Any] | None:
    try:
        return ask(client, place, patience, pages.next)
    except Gone:  # a list of nothing is an empty list: whoever answers so is asked in the wrong place
        raise errors.no_list(place.store, place.url) from None


class _Pages:
    """The pages of a listing, which goes on after the last one that came where it broke off."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pages: Iterator[list[Any]] | None = None
        self._last = ""
        self._is_ordered = True

    def next(self, store: ObjectStore) -> list[Any] | None:
        """The next page; None after the last."""
        import obstore

        if self._pages is None:
            after = self._last if self._is_ordered else ""
            listed: Any = obstore.list(store, self._prefix or None, offset=after or None, chunk_size=_PAGE)
            self._pages = iter(listed)
        pages, self._pages = self._pages, None  # which is over if it fails
        page = next(pages, None)
        self._pages = pages
        for meta in page or ():
            self._is_ordered = self._is_ordered and meta["path"] > self._last
            self._last = meta["path"]
        return page


def entry(client: Client, place: Place, patience: float) -> Found | None:
    """One object; None where there is none. Raises StorageError."""
    if not place.key:
        return None
    try:
        meta = ask(client, place, Patience(patience), lambda store: _head(place, store))
    except Gone:
        return None
    url = place.url if place.store.kind == "https" else place.url_of(place.key)
    return encoded(url), meta["size"], identity.version(meta)


def _head(place: Place, store: ObjectStore) -> Any:
    import obstore
    from obstore.exceptions import BaseError

    try:
        return obstore.head(store, place.key)
    except (BaseError, OSError) as error:
        may_be_there = "status code: 404" not in str(error) and errors.cause(error) is not Cause.TRANSIENT
        if place.store.kind != "https" or not may_be_there:
            raise
    return obstore.get(store, place.key).meta  # servers, and signatures, that know GET alone
