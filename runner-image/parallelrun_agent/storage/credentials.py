"""Reads the Secret of a Datastore: a folder with a file for each of its keys.

Our own names of keys come first; the clouds' own are taken too, so that a Secret that is there already can be used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from parallelrun.api.settings import StoreSettings
from parallelrun_agent.storage.errors import Refused, shown

#: What we call a secret, and the keys that it may have.
_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s3": {
        "accessKeyId": ("accessKeyId", "AWS_ACCESS_KEY_ID"),
        "secretAccessKey": ("secretAccessKey", "AWS_SECRET_ACCESS_KEY"),
        "sessionToken": ("sessionToken", "AWS_SESSION_TOKEN"),
    },
    "azureBlob": {
        "accountKey": ("accountKey", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"),
        "sasToken": ("sasToken", "AZURE_STORAGE_SAS_TOKEN"),
        "clientId": ("clientId", "AZURE_CLIENT_ID"),
        "clientSecret": ("clientSecret", "AZURE_CLIENT_SECRET"),
        "tenantId": ("tenantId", "AZURE_TENANT_ID"),
    },
    "gcs": {"serviceAccountKey": ("serviceAccountKey", "service_account.json", "key.json")},
    "https": {"token": ("token",), "username": ("username",), "password": ("password",)},
}
#: Sets of secrets of which one has to be there whole.
_ENOUGH: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("accessKeyId", "secretAccessKey"),),
    "azureBlob": (("accountKey",), ("sasToken",), ("clientId", "clientSecret", "tenantId")),
    "gcs": (("serviceAccountKey",),),
    "https": (("token",), ("username", "password")),
}


def read(store: StoreSettings) -> dict[str, str]:
    """The secrets of a store by our names; {} where it has none of its own. Raises Refused where some are missing."""
    if not store.credentials or store.anonymous:
        return {}
    try:
        there = sorted(name for name in os.listdir(store.credentials) if not name.startswith(".."))
    except OSError as error:
        raise Refused(
            store.url, f"the Secret of {shown(store)} cannot be read: {error.strerror}", "Does the Secret exist?"
        ) from error
    found = {}
    for ours, names in _NAMES[store.kind].items():
        name = next((name for name in names if name in there), None)
        value = _value(store, name) if name else ""
        if value:
            found[ours] = value
    if not any(all(name in found for name in names) for names in _ENOUGH[store.kind]):
        wanted = ", or ".join(" and ".join(names) for names in _ENOUGH[store.kind])
        raise Refused(
            store.url,
            f"the Secret of {shown(store)} has no {wanted}",
            f"Its keys are {', '.join(map(repr, there))}." if there else "It has no keys.",
        )
    return found


def _value(store: StoreSettings, name: str) -> str:
    try:
        with open(os.path.join(store.credentials, name), encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(store.url, f"key {name!r} of the Secret of {shown(store)} cannot be read: {error}") from error
