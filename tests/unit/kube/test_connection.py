"""The way to the API server: how long it is tried, and what a library with a client of its own is told about it."""

import asyncio
import socket
import time

import pytest
from kubernetes.aio.client import Configuration

from parallelrun.kube import client, errors
from parallelrun.kube.access import Configured
from parallelrun.kube.client import Kube


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_is_handed_on_however_its_scheme_is_written(scheme: str) -> None:
    """Pods' own configuration writes ``bearer``, kubeconfigs write ``Bearer``."""

    async def connection() -> str | None:
        configuration = Configuration(host="https://cluster.example")
        configuration.api_key["BearerToken"] = f"{scheme} secret"
        async with Kube(Configured(configuration), "default") as kube:
            return (await kube.connection()).token

    assert asyncio.run(connection()) == "secret"


def test_a_connection_that_nobody_takes_is_given_up_long_before_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose queue is full drops what knocks, as a service does that has no server yet."""
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)

    async def call(port: int) -> None:
        async with Kube(Configured(Configuration(host=f"http://127.0.0.1:{port}")), "default") as kube:
            await kube.request("GET", "/version")

    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for knocking in (first, second):
            knocking.setblocking(False)
            knocking.connect_ex(server.getsockname())
        started = time.monotonic()
        with pytest.raises(errors.Unavailable, match="does not answer"):
            asyncio.run(call(server.getsockname()[1]))
    assert time.monotonic() - started < client.REQUEST_SECONDS / 2
