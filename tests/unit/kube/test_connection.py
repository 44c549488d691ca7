"""What a library with a client of its own is told about the way to the API server."""

import asyncio

import pytest
from kubernetes.aio.client import Configuration

from parallelrun.kube.client import Kube


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_is_handed_on_however_its_scheme_is_written(scheme: str) -> None:
    """Pods' own configuration writes ``bearer``, kubeconfigs write ``Bearer``."""

    async def connection() -> str | None:
        configuration = Configuration(host="https://cluster.example")
        configuration.api_key["BearerToken"] = f"{scheme} secret"
        async with Kube(configuration, "default") as kube:
            return (await kube.connection()).token

    assert asyncio.run(connection()) == "secret"
