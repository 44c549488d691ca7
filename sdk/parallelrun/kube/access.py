"""How the API server is reached: with what a kubeconfig says, or with a pod's own service account.

The kubernetes package knows all that a kubeconfig may hold; importing it takes a quarter of a second of CPU. A pod
needs three facts (an address, a token, a certificate), each in its fixed place, and a job starts two processes a pod.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from parallelrun.kube import errors

#: Where kubelet puts a pod's service account, and the namespace it is of.
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
#: Kubelet renews the token's file long before it expires; it is read again so often.
TOKEN_SECONDS = 60.0
#: Requests to the API server at a time.
POOL = 100
#: Objects in a watch are up to a megabyte.
READ_BUFFER = 2**21


@dataclass(frozen=True)
class Connection:
    """What another client needs to reach the same API server as the same user; ``token`` is short-lived."""

    server: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    token: str | None
    verify: bool


class Access(Protocol):
    """One way to one API server, for one event loop."""

    host: str  # https://HOST:PORT

    async def authorize(self, headers: dict[str, str]) -> None:
        """Add to a request's headers who asks."""

    def session(self) -> aiohttp.ClientSession:
        """The connections."""

    async def connection(self) -> Connection:
        """The same way, for a library that brings a client of its own."""

    async def close(self) -> None:
        """Close every connection."""


class Configured:
    """As a kubeconfig says; ``configuration`` is one of ``kubernetes.aio.client``."""

    def __init__(self, configuration: Any) -> None:
        from kubernetes.aio.client import ApiClient

        self._api = ApiClient(configuration)
        self.host: str = configuration.host.rstrip("/")

    async def authorize(self, headers: dict[str, str]) -> None:
        """See :class:`Access`."""
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)

    def session(self) -> aiohttp.ClientSession:
        """See :class:`Access`."""
        rest = self._api.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()
        session: aiohttp.ClientSession = rest.pool_manager
        return session

    async def connection(self) -> Connection:
        """See :class:`Access`."""
        headers: dict[str, str] = {}
        await self.authorize(headers)
        kind, _, token = headers.get("authorization", "").partition(" ")
        use = self._api.configuration
        return Connection(
            server=self.host,
            ca_file=use.ssl_ca_cert,
            certificate_file=use.cert_file,
            key_file=use.key_file,
            token=token if kind.lower() == "bearer" else None,
            verify=bool(use.verify_ssl),
        )

    async def close(self) -> None:
        """See :class:`Access`."""
        await self._api.close()


class InPod:
    """As the pod that this process runs in; raises KubeError outside of a cluster."""

    def __init__(self, folder: str = SERVICE_ACCOUNT) -> None:
        """``folder``: kubelet's, with ``token``, ``ca.crt`` and ``namespace``."""
        self._token_file, self._ca_file = os.path.join(folder, "token"), os.path.join(folder, "ca.crt")
        self._token, self._read = "", 0.0
        self._session: aiohttp.ClientSession | None = None
        try:
            host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
            self.namespace = _text(os.path.join(folder, "namespace"))
            self._refresh()
        except KeyError as error:
            raise errors.KubeError(f"not in a cluster: {error.args[0]} is not set") from error
        except OSError as error:
            raise errors.KubeError(f"not in a cluster: {error}") from error
        self.host = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    async def authorize(self, headers: dict[str, str]) -> None:
        """See :class:`Access`."""
        if time.monotonic() - self._read > TOKEN_SECONDS:
            self._refresh()
        headers["Authorization"] = f"Bearer {self._token}"

    def session(self) -> aiohttp.ClientSession:
        """See :class:`Access`."""
        if self._session is None:
            import ssl

            connector = aiohttp.TCPConnector(limit=POOL, ssl=ssl.create_default_context(cafile=self._ca_file))
            self._session = aiohttp.ClientSession(connector=connector, trust_env=True, read_bufsize=READ_BUFFER)
        return self._session

    async def connection(self) -> Connection:
        """See :class:`Access`."""
        self._refresh()
        return Connection(self.host, self._ca_file, None, None, self._token, verify=True)

    async def close(self) -> None:
        """See :class:`Access`."""
        if self._session is not None:
            await self._session.close()

    def _refresh(self) -> None:
        self._token, self._read = _text(self._token_file), time.monotonic()


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
