"""What a node fetches before its worker starts, and stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Faults
from web_server import WebServer

from parallelrun.api.errors import InputError
from parallelrun.api.settings import InputSettings, JobSettings, ModelSettings, StoreSettings
from parallelrun.leases.client import Leases
from parallelrun.leases.store import MemoryStore
from parallelrun_agent import stall, supplies
from parallelrun_agent.job import Job
from parallelrun_agent.plan import make_plan, open_plan
from parallelrun_agent.plan.reader import PlanReader
from parallelrun_agent.storage import Storage
from parallelrun_agent.supplies import Supplies

WEB = "datastore://web"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    folder = tmp_path / "www"
    folder.mkdir()
    for name in ("0.bin", "1.bin", "2.bin", "labels.txt", "model.bin"):
        (folder / name).write_bytes(name.encode() * 20)  # 100, 200 and 180 bytes
    with WebServer(folder) as running:
        yield running


def downloading(folder: Path, url: str, patience: float = 300.0, **fields: object) -> tuple[Job, PlanReader]:
    """A job with three files of 100 bytes to download, and its plan."""
    one = InputSettings("images", "File", [f"{WEB}/{n}.bin" for n in range(3)], WEB, mode="Download")
    settings = JobSettings(
        "mnist", "1-2", "score.py", [one], in_pod=True, cache=str(folder / "cache"),
        stores=[StoreSettings(WEB, "https", "web", endpoint=url, anonymous=True)],
    )  # fmt: skip
    settings = replace(settings, **fields)  # type: ignore[arg-type]
    job = Job(folder, settings, 0, "holder", Leases(MemoryStore()), folder)
    job.__dict__["storage"] = Storage(settings.stores, patience)  # sooner than after the real one's minutes
    return job, open_plan(folder, make_plan(settings, folder, job.storage).sha256)


def test_what_stays_and_is_larger_than_the_cache_is_refused_before_anything_is_fetched(
    tmp_path: Path, server: WebServer
) -> None:
    job, plan = downloading(tmp_path, server.url, cache_limit=299)
    with pytest.raises(InputError, match=r"input images, mode: Download: 300 B.*cache takes 299 B") as refused:
        asyncio.run(Supplies(job, stall.Stall()).bring(plan, is_new=False))
    assert "runner.cacheSize" in refused.value.hint
    assert not list((tmp_path / "cache").rglob("*.bin"))


@pytest.mark.parametrize(("limit", "fits"), [(679, False), (680, True), (0, True)])
def test_all_that_stays_counts(tmp_path: Path, server: WebServer, limit: int, fits: bool) -> None:
    job, plan = downloading(
        tmp_path, server.url, cache_limit=limit, side_inputs={"labels": f"{WEB}/labels.txt"},
        models=[ModelSettings("digits", f"{WEB}/model.bin")],
    )  # fmt: skip
    node = Supplies(job, stall.Stall())
    if fits:
        asyncio.run(node.bring(plan, is_new=False))
        asyncio.run(node.bring(plan, is_new=False))  # again, as a worker that starts anew does
        assert len(list((tmp_path / "cache").rglob("*.bin"))) == 4
    else:
        with pytest.raises(InputError, match=r"680 B have to stay in each pod .*side input labels: 200 B"):
            asyncio.run(node.bring(plan, is_new=False))


def test_a_store_that_is_away_is_waited_for_and_named(
    tmp_path: Path, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supplies, "RETRY_SECONDS", 0.05)

    async def through_an_outage(proxy: FaultProxy) -> None:
        job, plan = await asyncio.to_thread(downloading, tmp_path, proxy.url, 0.1)
        proxy.faults.busy = 100
        pauses = stall.Stall()
        bringing = asyncio.create_task(Supplies(job, pauses).bring(plan, is_new=False))
        async with asyncio.timeout(60):
            while not pauses.text:
                await asyncio.sleep(0.01)
            assert pauses.on == stall.STORE
            assert "datastore 'web'" in pauses.text
            assert "503" in pauses.text
            asked = len(proxy.faults.requests)
            while len(proxy.faults.requests) < 3 * asked:  # it goes on asking
                await asyncio.sleep(0.01)
            assert not bringing.done()
            proxy.faults.busy = 0
            await bringing
        assert pauses.text == ""

    with FaultProxy(server.url, Faults()) as proxy:
        asyncio.run(through_an_outage(proxy))
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*.bin")) == ["0.bin", "1.bin", "2.bin"]
