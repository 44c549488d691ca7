"""A real store that goes away and comes back, as a node's fetches see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Faults
from store_servers import SERVERS

from parallelrun.api.settings import InputSettings
from parallelrun_agent import store_health, watched_store
from parallelrun_agent.cache import Cache
from parallelrun_agent.downloads import Downloads
from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.stall import Stall
from parallelrun_agent.storage import Storage
from parallelrun_agent.storage.errors import Unreachable
from parallelrun_agent.watched_store import WatchedStore


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["s3", "azureBlob", "https"])
def test_a_store_that_is_away_is_asked_for_what_came_last_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(watched_store, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(store_health, "SOON_SECONDS", 0.0)
    (tmp_path / "server").mkdir()
    with SERVERS[kind](tmp_path / "server").running() as server:
        box = server.box("data")
        box.write("in/a.bin", b"content")
        with FaultProxy(box.server_url, Faults()) as proxy:
            storage = Storage([box.behind(proxy.url)], patience=0.5)
            found = storage.entry(f"{box.url}/in/a.bin")
            assert found is not None
            file = PlannedFile(0, f"{box.url}/in/a.bin", found[1], found[2], 0)
            cache = Cache(tmp_path / "cache")
            cache.own(["images"])
            one = InputSettings("images", "File", [f"{box.url}/in/"], f"{box.url}/in")
            fetcher = Fetcher(storage, [one], None, cache, Downloads(tmp_path, storage))

            async def scenario() -> None:
                stall, woken, blamed, failed = Stall(), asyncio.Event(), list[object](), list[Exception]()
                store = WatchedStore(
                    fetcher.store_of(file), fetcher, stall, woken.set, lambda *one: blamed.append(one), failed.append
                )
                await fetcher.ask(file)
                store.came(file)
                proxy.faults.busy = 100
                assert not store.is_to_blame((7, 0), asyncio.get_running_loop().time(), Unreachable(file.path, "503"))
                asked = len(proxy.faults.requests)
                assert store.can_be_asked
                store.ask()
                await until(lambda: not store.health.is_probed)
                assert len(proxy.faults.requests) > asked
                assert stall.text.startswith(f"datastore '{box.store.name}'")
                assert "cannot be reached" in stall.text
                proxy.faults.busy = 0
                store.ask()
                await until(lambda: not store.health.trouble)
                assert (stall.text, blamed, failed) == ("", [], [])
                assert [path for path in cache.folder.rglob("*") if path.is_file()] == []

            asyncio.run(scenario())
