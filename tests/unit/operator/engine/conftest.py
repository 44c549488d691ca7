"""A real API server that knows ParallelRunJobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ApiServer

from parallelrun.kube.resources import CRDS

CRD = Path(__file__).parents[4] / "crds" / "parallelrunjobs.yaml"


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows ParallelRunJobs; nobody stops it."""
    server = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        server.start()
        asyncio.run(_install(server))
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """One for a test that stops it."""
    server = ApiServer(tmp_path)
    try:
        server.start()
        asyncio.run(_install(server))
        yield server
    finally:
        server.stop()


async def _install(server: ApiServer) -> None:
    async with await server.kube() as kube:
        name = (await kube.create(yaml.safe_load(CRD.read_text())))["metadata"]["name"]
        while not _established(await kube.get(CRDS, None, name)):
            await asyncio.sleep(0.05)


def _established(crd: dict[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
