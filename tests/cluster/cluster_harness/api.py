"""The API server as a test sees it: plain HTTPS, no part of the product under test, and quick enough to poll.

A connection for each request, so that an API server that was stopped and started needs no care.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

Json = dict[str, Any]


class ApiError(AssertionError):
    """The API server's answer, where it is none that the test expects."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the API server answers {status}: {message}")
        self.status = status


class Api:
    """With the rights of a kubeconfig's first user, or of a token."""

    def __init__(self, kubeconfig: Path, token: str = "") -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._kubeconfig, self._headers = kubeconfig, {"Authorization": f"Bearer {token}"} if token else {}
        self._address = urlsplit(cluster["server"]).netloc
        self._ssl = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if token:
            return
        with tempfile.NamedTemporaryFile() as pem:  # ssl takes them from files only
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.write(base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._ssl.load_cert_chain(pem.name)

    def with_token(self, token: str) -> Api:
        """The same API server, for whoever has ``token``."""
        return Api(self._kubeconfig, token.strip())

    def request(self, method: str, path: str, body: Json | None = None, query: Mapping[str, str] | None = None) -> Json:
        """One call; raises ApiError, or OSError where no API server answers."""
        text, _ = self._sent(method, path, body, query)
        return json.loads(text) if text.startswith(b"{") else {"text": text.decode(errors="replace")}

    def warnings(self, method: str, path: str, body: Json, query: Mapping[str, str]) -> list[str]:
        """What the API server warns of in answer to one call, as kubectl would show it."""
        return self._sent(method, path, body, query)[1]

    def _sent(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str] | None
    ) -> tuple[bytes, list[str]]:
        connection = http.client.HTTPSConnection(self._address, timeout=30, context=self._ssl)
        try:
            address = f"{path}?{urlencode(query)}" if query else path
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            connection.request(
                method, address, None if body is None else json.dumps(body), {"Content-Type": kind, **self._headers}
            )
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(answer.status, text.decode(errors="replace")[:2000])
        return text, answer.headers.get_all("Warning") or []

    def get(self, path: str, **query: str) -> Json | None:
        """An object or a list; None where it is not there."""
        try:
            return self.request("GET", path, query=query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """What a list holds."""
        return list((self.get(path, **query) or {}).get("items") or [])
