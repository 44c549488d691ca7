"""An agent in a pod whose job's input is in an object store: what it fetches is in the pod's own folder."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from pod_on_this_machine import JobOnServer, job_on
from store_servers import S3

from parallelrun.api import exit_codes, layout
from parallelrun.api.settings import InputSettings, ModelSettings, OutputSettings
from parallelrun.leases.header import Phase
from parallelrun_agent.storage import Storage

SCRIPT = """\
import os, sys, time

def init():
    assert os.listdir(os.environ["AZUREML_MODEL_DIR"]) == ["w.bin"]

def run(mini_batch):
    with open("called", "a") as called:
        called.write(mini_batch[0] + "\\n")
    time.sleep(0.05)
    (path,) = mini_batch
    assert os.path.dirname(path) == sys.argv[1], (path, sys.argv)
    return [os.path.basename(path) + " " + open(path).read()]
"""


@pytest.fixture
def job(api_server, tmp_path):
    (tmp_path / "pod").mkdir()
    with job_on(api_server, tmp_path / "pod") as one:
        yield one


def test_a_worker_container_that_dies_while_files_are_fetched_costs_nothing(job: JobOnServer, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with S3(tmp_path / "server").running() as server:
        box = server.box("data")
        for n in range(40):
            box.write(f"in/{n:04d}.txt", str(n).encode())
        box.write("models/w.bin", b"")
        cache = tmp_path / "emptydir"
        job.prepare(
            SCRIPT,
            40,
            inputs=[InputSettings("in", "File", [f"{box.url}/in/*.txt"], f"{box.url}/in")],
            models=[ModelSettings("w", f"{box.url}/models/w.bin")],
            stores=[box.store],
            cache=str(cache),
            cache_bytes=20,
            arguments=[f"{cache}/inputs/in"],
            output=OutputSettings(path=f"{box.url}/out"),
        )
        node = job.start_node()
        called = job.folder / "source" / "called"
        job.wait_for(lambda: called.exists() and len(called.read_text().splitlines()) > 5, "the first mini-batches")
        os.kill(node.host.pid, signal.SIGKILL)
        node.host.wait()
        node.start_host()
        assert node.leaves() == exit_codes.AGENT_DONE, node.agent_log()
        assert job.header().phase is Phase.DONE
        written = Storage([box.store]).get(f"{box.url}/out/parallel_run_step.txt")
        assert written == b"".join(b"%04d.txt %d\n" % (n, n) for n in range(40))
    result = json.loads((job.folder / "job" / layout.RESULT).read_text())
    assert result["miniBatches"]["failed"] == 0
    assert result["output"]["path"] == f"{box.url}/out/parallel_run_step.txt"
    assert [path for path in (cache / "inputs").rglob("*") if path.is_file()] == []
