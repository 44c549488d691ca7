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
    server = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        server.start()
        asyncio.run(install(server))
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """One for a test that stops it."""
    server = ApiServer(tmp_path)
    try:
        server.start()
        asyncio.run(install(server))
        yield server
    finally:
        server.stop()
