"""What planning says when it fails in a pod."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from web_server import WebServer

from parallelrun.api import pod_layout
from parallelrun.api.settings import InputSettings, JobSettings, StoreSettings
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header
from parallelrun.leases.store import MemoryStore
from parallelrun_agent import stall
from parallelrun_agent.job import Job
from parallelrun_agent.planning import Planning


def test_files_are_named_as_the_manifest_names_them(tmp_path: Path) -> None:
    """By the claim's URL, not by where it is mounted."""
    root = f"{pod_layout.claim('data')}/images"
    one = InputSettings(name="in", type="File", paths=[f"{root}/*.png"], root=root)
    settings = JobSettings(name="mnist", uid="1-2", entry_script="score.py", inputs=[one], in_pod=True)

    async def planned() -> Header:
        leases = Leases(MemoryStore())
        await leases.store.swap("header", "", headers.new("1-2", 1, "", "").to_json())
        await Planning(Job(tmp_path, settings, 0, "holder", leases, tmp_path), stall.Stall()).step()
        return await leases.header()

    header = asyncio.run(planned())
    assert header.reason == headers.INPUT_ERROR
    assert "pvc://data/images/*.png matches no file" in header.message
    assert pod_layout.ROOT not in header.message


def test_a_store_that_refuses_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Secret may be mended while the job waits, which on a laptop it cannot."""
    monkeypatch.setattr(stall, "STORE_RETRY_SECONDS", 0.05)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.txt").write_text("a")
    secret = tmp_path / "secret"

    async def planned(url: str) -> Header:
        store = StoreSettings("datastore://web", "https", "web", endpoint=url, credentials=str(secret))
        one = InputSettings(name="in", type="File", paths=["datastore://web/a.txt"], root="datastore://web")
        settings = JobSettings("mnist", "1-2", "score.py", [one], in_pod=True, stores=[store])
        leases, waits = Leases(MemoryStore()), stall.Stall()
        await leases.store.swap("header", "", headers.new("1-2", 1, "", "").to_json())
        planning = asyncio.create_task(Planning(Job(tmp_path, settings, 0, "holder", leases, tmp_path), waits).step())
        async with asyncio.timeout(30):
            while not waits.text:
                await asyncio.sleep(0.01)
            assert waits.on == stall.STORE
            assert "'web'" in waits.text
            assert not planning.done()
            secret.mkdir()
            (secret / "token").write_text("t")
            assert await planning
        assert waits.text == ""
        return await leases.header()

    with WebServer(tmp_path / "www") as server:
        header = asyncio.run(planned(server.url))
    assert header.plan is not None
    assert header.plan.total == 1
