"""One server of each kind for all tests here, a box of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from store_servers import SERVERS, Box

from parallelrun_agent.storage import Storage


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Box]]:
    """Makes a new box of a kind; its server starts when the first is asked for."""
    running: dict[str, object] = {}
    with ExitStack() as stack:

        def box(kind: str) -> Box:
            if kind not in running:
                server = SERVERS[kind](tmp_path_factory.mktemp(kind.lower()))
                running[kind] = stack.enter_context(server.running())
            return running[kind].box(f"box-{secrets.token_hex(4)}")  # type: ignore[attr-defined, no-any-return]

        yield box


@pytest.fixture(params=sorted(SERVERS))
def box(request: pytest.FixtureRequest, servers: Callable[[str], Box]) -> Box:
    """A box of each kind."""
    return servers(request.param)


@pytest.fixture(params=sorted(SERVERS.keys() - {"https"}))
def bucket(request: pytest.FixtureRequest, servers: Callable[[str], Box]) -> Box:
    """A box of each kind that can be listed."""
    return servers(request.param)


@pytest.fixture(params=["azureBlob", "gcs", "s3"])
def writable(request: pytest.FixtureRequest, servers: Callable[[str], Box]) -> Box:
    """A box of each kind that can be written to."""
    return servers(request.param)


@pytest.fixture(params=["azureBlob", "s3"])
def guarded(request: pytest.FixtureRequest, servers: Callable[[str], Box]) -> Box:
    """A box of each kind whose server here refuses as the cloud does: wrong credentials, no such bucket."""
    return servers(request.param)


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> Storage:
    """Over the test's box."""
    name = next(name for name in ("box", "bucket", "writable", "guarded") if name in request.fixturenames)
    return Storage([request.getfixturevalue(name).store], patience=10)
