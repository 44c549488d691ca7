"""The lease store over a Unix socket is a lease store like any other."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from store_conformance import StoreConformance

from parallelrun.leases.socket_store import SocketStore, serve
from parallelrun.leases.store import MemoryStore, StoreGone


class TestSocketStore(StoreConformance):
    """One client of a served MemoryStore."""

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[SocketStore]:  # type: ignore[override]
        with tempfile.TemporaryDirectory() as folder:
            server = await serve(MemoryStore(), f"{folder}/s")
            client = await SocketStore.connect(f"{folder}/s")
            try:
                yield client
            finally:
                client.close()
                server.close()
                await asyncio.sleep(0)


def test_nobody_listening_is_said_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(StoreGone, match="no lease store"):
            await SocketStore.connect(str(tmp_path / "s"))

    asyncio.run(main())


def test_an_agent_whose_parent_is_gone_stops_trying(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(StoreGone):
            await asyncio.wait_for(SocketStore.connect(str(tmp_path / "s"), seconds=600.0, parent=0), 30)

    asyncio.run(main())
