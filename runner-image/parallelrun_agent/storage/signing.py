"""URLs that anybody can read one object with, for a while, without the credentials that they are made with."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from parallelrun_agent.storage import errors
from parallelrun_agent.storage.clients import Client
from parallelrun_agent.storage.errors import StorageError
from parallelrun_agent.storage.places import Place

_AZURE_VERSION = "2021-12-02"
#: Fields of Azure's string to sign that follow the version, the kind of resource (a blob) and its content, all empty.
_AZURE_EMPTY = 7
#: Clocks differ.
_EARLIER = timedelta(minutes=15)


def signed(client: Client, place: Place, seconds: float) -> str:
    """A URL that reads the object; of a public one, where it is. Raises StorageError where it cannot be made."""
    if not client.is_signing:
        return _public(place) if place.url.startswith("datastore://") else place.url
    key = client.secrets().get("accountKey")
    if key and place.store.kind == "azureBlob":
        return _azure(place, key, datetime.now(UTC), seconds)
    import obstore
    from obstore.exceptions import BaseError

    if place.store.kind == "azureBlob" and quote(place.key) != place.key:
        raise _cannot(place, "its name holds characters that are escaped in URLs, and there is no account key")
    try:
        store: Any = client.store()
        return obstore.sign(store, "GET", place.key, timedelta(seconds=seconds))
    except (BaseError, OSError, ValueError, TypeError) as error:
        raise _cannot(place, errors.said(error)) from None


def _public(place: Place) -> str:
    store = place.store
    if store.kind == "https":
        return f"{store.endpoint.rstrip('/')}/{quote(place.key)}"
    clouds = {
        "s3": f"https://s3.{store.region or 'us-east-1'}.amazonaws.com",
        "azureBlob": f"https://{store.account}.blob.core.windows.net",
        "gcs": "https://storage.googleapis.com",
    }
    return f"{(store.endpoint or clouds[store.kind]).rstrip('/')}/{store.bucket}/{quote(place.key)}"


def _cannot(place: Place, why: str) -> StorageError:
    return StorageError(
        place.url,
        f"{errors.shown(place.store)} cannot sign a URL for {place.url}: {why}",
        "Use mode Mount or Download, or credentials that can sign (no SAS token, no web server's).",
    )


def _azure(place: Place, key: str, now: datetime, seconds: float) -> str:
    """A service SAS. Our own: obstore signs the escaped name, where Azure signs the name."""
    store = place.store
    start, end = ((now + one).strftime("%Y-%m-%dT%H:%M:%SZ") for one in (-_EARLIER, timedelta(seconds=seconds)))
    resource = f"/blob/{store.account}/{store.bucket}/{place.key}"
    lines = ["r", start, end, resource, "", "", "", _AZURE_VERSION, "b", *[""] * _AZURE_EMPTY]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    query = {"sp": "r", "st": start, "se": end, "sv": _AZURE_VERSION, "sr": "b"}
    query["sig"] = base64.b64encode(digest).decode()
    base = (store.endpoint or f"https://{store.account}.blob.core.windows.net").rstrip("/")
    return f"{base}/{store.bucket}/{quote(place.key)}?{urlencode(query)}"
