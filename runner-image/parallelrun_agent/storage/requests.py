"""Asks a store until it answers: what passes is waited for, what does not pass is said at once, as what it is.

Errors are raised without obstore's own behind them: those tell addresses whole, signatures included, and what a
traceback shows ends up in logs.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from parallelrun_agent.storage import errors
from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.errors import Cause
from parallelrun_agent.storage.patience import Patience
from parallelrun_agent.storage.places import Place

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

_NO_OBJECT = re.compile(r"<Code>(NoSuchKey|BlobNotFound|ResourceNotFound)</Code>")
_NO_BUCKET = re.compile(r"<Code>(NoSuchBucket|ContainerNotFound|ContainerBeingDeleted)</Code>")


def ask(client: Client, place: Place, patience: Patience, use: Callable[[ObjectStore], T]) -> T:
    """What ``use`` gives for the open store; raises StorageError for what does not pass, or lasts too long."""
    from obstore.exceptions import BaseError

    try:
        while True:
            store = client.store()
            try:
                return use(store)
            except (BaseError, OSError, ValueError) as error:
                _require_store(error)
                if not worth_asking_again(client, place, store, error):
                    time.sleep(_pause(client, place, patience, error))
    finally:
        client.waiting.over(patience)


async def ask_async(client: Client, place: Place, patience: Patience, use: Callable[[ObjectStore], Awaitable[T]]) -> T:
    """As :func:`ask`, on the event loop."""
    from obstore.exceptions import BaseError

    try:
        while True:
            store = client.store()
            try:
                return await use(store)
            except (BaseError, OSError, ValueError) as error:
                _require_store(error)
                again = errors.cause(error) is not Cause.TRANSIENT and await asyncio.to_thread(
                    worth_asking_again, client, place, store, error
                )
                if not again:
                    await asyncio.sleep(_pause(client, place, patience, error))
    finally:
        client.waiting.over(patience)


def _require_store(error: Exception) -> None:
    """Raises ``error`` where it is this machine's, of a disk say: those have a number, obstore's have none."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _pause(client: Client, place: Place, patience: Patience, error: Exception) -> float:
    seconds = patience.pause(f"{place.url}: {errors.said(error)}")
    client.waiting.failed(patience, errors.not_answering(place.store, error))
    if seconds is None:
        raise errors.unreachable(place.store, place.url, error, patience.lasted) from None
    return seconds


def worth_asking_again(client: Client, place: Place, store: ObjectStore, error: Exception) -> bool:
    """Whether to ask again at once; False: after a pause. Raises what the error means where it does not pass."""
    cause = errors.cause(error)
    if cause is Cause.TRANSIENT:
        return False
    if cause in (Cause.REFUSED, Cause.CLOSED) and client.renew(store):
        return True
    if cause is Cause.CHANGED:
        raise errors.changed(place.store, place.url, "it is another version, or shorter") from None
    if cause is Cause.CLOSED:
        raise errors.refused(place.store, place.url, error) from None
    if cause is Cause.REFUSED:
        return _after_refusal(client, place, store, error)
    if cause is Cause.MISSING:
        return _after_miss(client, place, store, error)
    raise errors.other(place.store, place.url, error) from None


def _after_refusal(client: Client, place: Place, store: ObjectStore, error: Exception) -> bool:
    """One object's refusal: is it the store's?"""
    if place.store.kind != "https":
        other = probe(client, store)
        if other is None:
            raise errors.denied(place.store, place.url, error) from None
        if errors.cause(other) is Cause.TRANSIENT:
            return False
    raise errors.refused(place.store, place.url, error) from None


def _after_miss(client: Client, place: Place, store: ObjectStore, error: Exception) -> bool:
    """A 404: is the object missing, or the bucket?"""
    text = str(error)
    if _NO_BUCKET.search(text):
        raise errors.refused(place.store, place.url, error) from None
    if place.store.kind != "https" and not _NO_OBJECT.search(text):
        other = probe(client, store)
        if other is not None:
            cause = errors.cause(other)
            if cause is Cause.TRANSIENT:
                return False
            if cause in (Cause.MISSING, Cause.CLOSED):
                if client.renew(store):
                    return True
                raise errors.refused(place.store, place.url, other) from other
    raise errors.gone(place.store, place.url) from None


def probe(client: Client, store: ObjectStore) -> Exception | None:
    """What a store says to a list of what is in it; None where it gives one."""
    import obstore
    from obstore.exceptions import BaseError

    try:
        stream: Any = obstore.list(store, client.settings.prefix or None, chunk_size=1)
        next(iter(stream), None)
    except (BaseError, OSError, ValueError) as error:
        return error
    return None
