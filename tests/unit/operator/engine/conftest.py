"""A real API server that knows ParallelRunJobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import ApiServer
from replicas import install


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows ParallelRunJobs; nobody stops it."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        asyncio.run(install(server))
        yield server


@pytest.fixture
def own_api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """One for a test that stops it."""
    with ApiServer(tmp_path) as server:
        asyncio.run(install(server))
        yield server
