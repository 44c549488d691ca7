"""Random kills, freezes and resumptions of runs that fetch from a store which is slow, busy and breaks off.

Part of `make soak`: the output is the same bytes every time, and nothing is left on the node.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import _signal, kill_what_is_left
from fault_proxy import FaultProxy, Faults
from store_runs import StoreJob, StoreRun, files_job, table_job
from store_servers import SERVERS, Box

from parallelrun.api.settings import StoreSettings

pytestmark = [pytest.mark.engine, pytest.mark.soak, pytest.mark.timeout(7200)]

RUNS = int(os.environ.get("PARALLELRUN_SOAK_RUNS", "200")) // 4
KINDS = ("process", "host", "agent", "freeze", "run")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    kill_what_is_left()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """120 files, and a table of 4,500 rows."""
    (tmp_path / "server").mkdir()
    with SERVERS["s3"](tmp_path / "server").running() as server:
        box = server.box("data")
        for n in range(120):
            box.write(f"files/{n}.bin", os.urandom(200))
        for part in range(3):
            rows = "".join(f"{part}-{n},{n},{n / 8}\n" for n in range(1500))
            box.write(f"table/{part}.csv", f"name,value,share\n{rows}".encode())
        yield box


def a_job(folder: Path, form: str, url: str, store: StoreSettings, **fields: object) -> StoreJob:
    if form == "files":
        return files_job(folder, [f"{url}/files/"], f"{url}/files", [store], **fields)
    fields.pop("mode", None)
    return table_job(folder, [f"{url}/table/"], f"{url}/table", [store], format="csv", **fields)


def disturb(run: StoreRun, rng: random.Random) -> StoreRun:
    """Once, at some moment; the run that goes on."""
    moment = time.monotonic() + 1.5 * rng.random()
    if not run.wait_for(lambda: time.monotonic() > moment, "a moment in the run"):
        return run
    kind = rng.choice(KINDS)
    if kind == "run":
        run.kill_everything()
        return StoreRun(run.job, run.output)
    victims = run.pids("agent" if kind == "freeze" else kind)
    if victims:
        victim = rng.choice(victims)
        _signal(victim, signal.SIGSTOP if kind == "freeze" else signal.SIGKILL)
        if kind == "freeze":
            thaw = time.monotonic() + rng.uniform(0.2, 5.0)
            run.wait_for(lambda: time.monotonic() > thaw, "the end of a freeze")
            _signal(victim, signal.SIGCONT)
    return run


def test_soak(tmp_path: Path, box: Box) -> None:
    expected = {form: a_job(tmp_path / form, form, box.url, box.store).run().done() for form in ("files", "table")}
    seeds = random.Random(int(os.environ.get("PARALLELRUN_SOAK_SEED", "1")))
    for number in range(RUNS):
        seed = seeds.randrange(1 << 30)
        rng = random.Random(seed)
        form = rng.choice(["files", "table"])
        faults = Faults(seed=seed, busy=5, cut=5, latency=rng.choice([0, 0.02, 0.05]))
        with FaultProxy(box.server_url, faults) as proxy:
            job = a_job(
                tmp_path / f"run-{number}",
                form,
                box.url,
                box.behind(proxy.url),
                mode=rng.choice(["Mount", "Mount", "Download"]),
                cache_bytes=rng.choice([500, 2000, 100_000]),
                run_max_try=50,
                node_count=rng.choice([1, 2]),
            )
            job.seconds_each = rng.choice([0, 0.01, 0.05])
            run = job.run()
            run.wait_for(lambda run=run: run.phase() == "Running", "the start")  # type: ignore[misc]
            for _ in range(rng.randint(1, 4)):
                if run.process.poll() is None:
                    run = disturb(run, rng)
            assert run.done() == expected[form], f"seed {seed}: other bytes\n{run.text()}"
            assert run.result()["miniBatches"]["failed"] == 0, f"seed {seed}"
            assert run.cached() == [], f"seed {seed}: files are left"
        print(f"{number + 1}/{RUNS}", flush=True)
