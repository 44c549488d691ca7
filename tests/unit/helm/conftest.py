"""Helm, and a real API server that has what the chart's objects need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "kube"))

from api_server import ApiServer, program
from chart import Helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The chart as Helm renders it."""
    return Helm(program("helm"))


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server, without nodes and controllers."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        yield server
