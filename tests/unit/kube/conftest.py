"""The API server that these tests share, and what an operator would have made there for a job."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "leases"))

from api_server import ApiServer


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server; whoever kills it starts it again."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        yield server
