"""Puts objects into a store: each is visible whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.errors import Gone, StorageError, shown
from parallelrun_agent.storage.patience import Patience
from parallelrun_agent.storage.places import Place
from parallelrun_agent.storage.requests import ask

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Parts of a multipart upload, and how many a store takes at most.
_PART, _MOST_PARTS = 8 << 20, 9_000


def upload(client: Client, place: Place, patience: float, source: Path) -> None:
    """Put a file; an object that was there is replaced when all is there. Raises StorageError, OSError for the file."""
    import obstore

    _require_writable(place)
    part = max(_PART, source.stat().st_size // _MOST_PARTS + 1)

    def put(store: ObjectStore) -> None:
        with source.open("rb") as file:
            obstore.put(store, place.key, file, chunk_size=part)

    ask(client, place, Patience(patience), put)


def put(client: Client, place: Place, patience: float, data: bytes, only_new: bool) -> bool:
    """Put ``data``; with ``only_new`` where nothing is there. Returns whether that is what is there now.

    (A first try whose answer was lost makes a second one find its own object.) Raises StorageError.
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError

    _require_writable(place)

    def write(store: ObjectStore) -> bool:
        try:
            obstore.put(store, place.key, data, mode="create" if only_new else "overwrite")
        except AlreadyExistsError:
            return False
        return True

    return ask(client, place, Patience(patience), write) or get(client, place, patience) == data


def get(client: Client, place: Place, patience: float) -> bytes | None:
    """A small object's bytes; None where there is none. Raises StorageError."""
    import obstore

    try:
        return ask(client, place, Patience(patience), lambda store: bytes(obstore.get(store, place.key).bytes()))
    except Gone:
        return None


def delete(client: Client, place: Place, patience: float) -> None:
    """Remove an object; one that is not there is removed already. Raises StorageError."""
    import obstore

    _require_writable(place)
    try:
        ask(client, place, Patience(patience), lambda store: obstore.delete(store, place.key))
    except Gone:
        return


def _require_writable(place: Place) -> None:
    if place.store.kind == "https":
        raise StorageError(
            place.url, f"{place.url}: a web server takes no files", "Write to a volume, or to s3://, az:// or gs://."
        )
    if place.store.read_only:
        raise StorageError(
            place.url, f"{shown(place.store)} is read-only", "Set readOnly: false, or write to another datastore."
        )
