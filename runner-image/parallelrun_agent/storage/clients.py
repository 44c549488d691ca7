"""One store, open: made when it is first needed, and made anew when the credentials it had are refused.

obstore is imported here, when the first URL is read: jobs on plain files start without it.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from parallelrun.api.settings import StoreSettings
from parallelrun_agent.storage import credentials, errors
from parallelrun_agent.storage.errors import Cause
from parallelrun_agent.storage.patience import Waiting

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Few and quick: what lasts longer is waited for by ``patience``, which knows whether anything came meanwhile.
_RETRIES: Mapping[str, Any] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
#: A request, its body included, is at most so long; a server that sends nothing is left much earlier.
_REQUEST_SECONDS, _SILENCE_SECONDS = 300, 30
#: Credentials of the environment are not asked for more often than this when they are refused.
_AMBIENT_SECONDS = 5.0

#: How environments name the endpoint of a store whose settings name none.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")

#: Makes an obstore store from settings, secrets, endpoint and what all stores have in common.
Maker = Callable[[StoreSettings, Mapping[str, str], str, dict[str, Any]], Any]


class Client:
    """One store of a job."""

    def __init__(self, settings: StoreSettings, query: str = "", waiting: Waiting | None = None) -> None:
        """``query`` of a web address is sent with each request; ``waiting`` is told of requests that go on failing."""
        self.settings = settings
        self.waiting = waiting or Waiting()
        self._query = query
        self._lock = threading.Lock()
        self._store: ObjectStore | None = None
        self._secrets: dict[str, str] = {}
        self._made = 0.0

    def store(self) -> ObjectStore:
        """The store; raises Refused or StorageError where its credentials or settings make none."""
        with self._lock:
            if self._store is None:
                self._secrets = credentials.read(self.settings)
                self._made = time.monotonic()
                self._store = self._open()
            return self._store

    def secrets(self) -> dict[str, str]:
        """The credentials that the store has from its Secret; {} for those of the environment, and for none."""
        self.store()
        return self._secrets

    def renew(self, refused: ObjectStore | None) -> bool:
        """Whether it is worth asking again after ``refused`` was: there are other credentials by now."""
        with self._lock:
            if self._store is not refused:
                return True
            if self._secrets or self.settings.credentials:
                worth = credentials.read(self.settings) != self._secrets
            else:
                worth = not self.settings.anonymous and time.monotonic() - self._made > _AMBIENT_SECONDS
            if worth:
                self._store = None
            return worth

    @property
    def is_signing(self) -> bool:
        """Whether requests carry credentials."""
        if self.settings.kind == "https":
            return bool(self.settings.credentials) and not self.settings.anonymous
        return not self.settings.anonymous

    def _open(self) -> ObjectStore:
        settings = self.settings
        endpoint = settings.endpoint or (settings.url if settings.kind == "https" else "")
        client = {"timeout": f"{_REQUEST_SECONDS} s", "read_timeout": f"{_SILENCE_SECONDS} s"}
        common: dict[str, Any] = {"retry_config": _RETRIES, "client_options": client}
        if endpoint.startswith("http://") or (not endpoint and _is_plain_around()):
            common["client_options"] = {**client, "allow_http": True}
        if self._query:
            endpoint = f"{endpoint}?{self._query}"
        from obstore.exceptions import BaseError

        try:
            made: ObjectStore = _MAKERS[settings.kind](settings, self._secrets, endpoint, common)
            return made
        except (BaseError, OSError, ValueError) as error:
            if errors.cause(error) is Cause.CLOSED:
                raise errors.refused(settings, settings.url, error) from None
            raise errors.other(settings, settings.url, error) from None


def _is_plain_around() -> bool:
    """Whether this environment's own endpoint is one without TLS."""
    return any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS)


def _s3(settings: StoreSettings, secrets: Mapping[str, str], endpoint: str, common: dict[str, Any]) -> Any:
    from obstore.store import S3Store

    options = dict(common)
    if settings.region:
        options["region"] = settings.region
    if endpoint:
        options["endpoint"] = endpoint
    if settings.anonymous:
        options["skip_signature"] = True
    if secrets:
        # Not as options: what the environment says, a session token say, would be mixed with them.
        key = {"access_key_id": secrets["accessKeyId"], "secret_access_key": secrets["secretAccessKey"]}
        options["credential_provider"] = lambda: {**key, "token": secrets.get("sessionToken"), "expires_at": None}
    return S3Store(settings.bucket, **options)


def _azure(settings: StoreSettings, secrets: Mapping[str, str], endpoint: str, common: dict[str, Any]) -> Any:
    from obstore.store import AzureStore

    options = dict(common, account_name=settings.account, container_name=settings.bucket)
    if endpoint:
        options["endpoint"] = endpoint
    if settings.anonymous:
        options["skip_signature"] = True
    if "accountKey" in secrets:
        key = {"access_key": _account_key(settings, secrets["accountKey"]), "expires_at": None}
        options["credential_provider"] = lambda: key
    elif "sasToken" in secrets:
        token = {"sas_token": secrets["sasToken"].removeprefix("?"), "expires_at": None}
        options["credential_provider"] = lambda: token
    elif secrets:
        names = {"client_id": "clientId", "client_secret": "clientSecret", "tenant_id": "tenantId"}
        options |= {option: secrets[name] for option, name in names.items()}
    return AzureStore(**options)


def _account_key(settings: StoreSettings, key: str) -> str:
    try:
        base64.b64decode(key, validate=True)
    except ValueError as error:
        raise errors.Refused(
            settings.url,
            f"the Secret of {errors.shown(settings)} has an accountKey that is none: {error}",
            "Account keys are in base64, as the portal shows them.",
        ) from error
    return key


def _gcs(settings: StoreSettings, secrets: Mapping[str, str], endpoint: str, common: dict[str, Any]) -> Any:
    from obstore.store import GCSStore

    options = dict(common)
    if endpoint:
        options["base_url"] = endpoint
    if settings.anonymous:
        options["skip_signature"] = True
    if secrets:
        options["service_account_key"] = secrets["serviceAccountKey"]
    return GCSStore(settings.bucket, **options)


def _https(_: StoreSettings, secrets: Mapping[str, str], endpoint: str, common: dict[str, Any]) -> Any:
    from obstore.store import HTTPStore

    if secrets:
        said = f"{secrets.get('username')}:{secrets.get('password')}".encode()
        token = secrets.get("token")
        words = f"Bearer {token}" if token else f"Basic {base64.b64encode(said).decode()}"
        common = common | {"client_options": {**common["client_options"], "default_headers": {"authorization": words}}}
    return HTTPStore(endpoint, **common)


_MAKERS: Mapping[str, Maker] = {"s3": _s3, "azureBlob": _azure, "gcs": _gcs, "https": _https}
