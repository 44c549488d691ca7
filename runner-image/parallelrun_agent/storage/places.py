"""Which store a URL belongs to, and the key that it has there; pure.

Keys are as they are in the store, never escaped, but in ``https://`` and ``http://`` URLs, which are written as
everywhere else: ``%20`` is a space, and a query belongs to the address.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from parallelrun.api.settings import StoreSettings
from parallelrun_agent.storage.errors import StorageError

_WEB = ("https://", "http://")


@dataclass(frozen=True)
class Place:
    """An object, or a prefix that ends in no slash, of a store."""

    store: StoreSettings
    url: str  # as it was given
    key: str  # within the bucket, the store's prefix before it
    query: str = ""  # of a web address, without its question mark

    def url_of(self, key: str) -> str:
        """The URL of another key of the same store."""
        root = self.store.url.rstrip("/")
        below = key.removeprefix(self.store.prefix).lstrip("/") if self.store.prefix else key
        return f"{root}/{below}" if below else root


def is_url(path: str | bytes) -> bool:
    """Whether a path of an input is a URL, and not one of this machine's."""
    return not path.startswith("/") if isinstance(path, str) else not path.startswith(b"/")


def unescaped(path: str, start: int = 0) -> str:
    """A path or URL from character ``start`` on, of a web address without escapes and query."""
    if not path.startswith(_WEB):
        return path[start:]
    from urllib.parse import unquote

    return unquote(path[start:].partition("#")[0].partition("?")[0])


def find(stores: Sequence[StoreSettings], url: str) -> Place:
    """The store with the longest URL that ``url`` begins with; raises StorageError where there is none."""
    best: StoreSettings | None = None
    for store in stores:
        root = store.url.rstrip("/")
        if (url == root or url.startswith((root + "/", root + "?"))) and (best is None or len(root) > len(best.url)):
            best = store
    if best is None:
        raise StorageError(
            url, f"{url} belongs to no store that this job knows", "Is the name of the datastore, or the URL, right?"
        )
    below = url[len(best.url.rstrip("/")) :]
    query = ""
    if url.startswith(_WEB):
        query = below.partition("#")[0].partition("?")[2]
        below = unescaped(url, len(best.url.rstrip("/")))
    parts = [part for part in f"{best.prefix}/{below}".split("/") if part not in ("", ".")]
    if ".." in parts:
        raise StorageError(url, f'{url} holds "..", which no object\'s name can', "Write the URL without it.")
    return Place(best, url, "/".join(parts), query)


def encoded(url: str) -> bytes:
    """A URL as plans keep paths."""
    return os.fsencode(url)
