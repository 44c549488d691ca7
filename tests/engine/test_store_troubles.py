"""What people see, and what is left, of stores: signed addresses, servers that do not answer."""

from __future__ import annotations

import signal
import stat
from pathlib import Path

import pytest
from engine_harness import Site, wait_for
from store_servers import free_port
from web_server import WebServer

pytestmark = pytest.mark.engine

SIGNATURE = "SIGNATURE%2Bx%3D"
#: What has to have the whole address, for its owner alone.
FETCHED_BY = {"settings.json", "prepared.json", "job.yaml", "plan.json", "files.arrow"}


def signed(server: WebServer, *names: str) -> list[str]:
    return [f"{server.url}/{name}?X-Amz-Date=20260101&X-Amz-Signature={SIGNATURE}" for name in names]


def holding(folder: Path, text: str) -> list[Path]:
    """The files below ``folder`` that have ``text`` in them."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def is_result(path: Path) -> bool:
    """Whether a file has what the script returned."""
    return path.name == "parallel_run_step.txt" or path.parent.name == "segments"


FAILS = """\
    def init():
        pass

    def run(mini_batch):
        if "1.txt" in mini_batch[0]:
            raise ValueError(f"cannot read {mini_batch[0]}")
        return mini_batch
    """


@pytest.mark.parametrize("mode", ["Mount", "Direct"])
def test_signatures_of_addresses_are_kept_where_only_the_owner_reads(site: Site, tmp_path: Path, mode: str) -> None:
    site.script(FAILS)
    site.files(3)
    with WebServer(tmp_path / "in") as server:
        files = {"name": "files", "type": "File", "mode": mode, "paths": signed(server, "0.txt", "1.txt", "2.txt")}
        site.manifest(inputs=[files], errorThreshold=-1)
        finished = site.command("run", "job.yaml", "--output", "out")
    assert finished.status == 0, finished.text
    assert SIGNATURE not in finished.text
    out = tmp_path / "out"
    kept = [path for path in holding(out, SIGNATURE) if mode == "Mount" or not is_result(path)]
    assert {path.name for path in kept} == FETCHED_BY
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) != 0o600] == []
    assert holding(out, f"{server.url}/1.txt?...")


def test_signatures_are_in_no_message_of_a_job_that_is_refused(site: Site, tmp_path: Path) -> None:
    site.script(FAILS)
    site.files(1)
    with WebServer(tmp_path / "in") as server:
        table = {"name": "rows", "type": "Tabular", "paths": signed(server, "0.txt", "gone.csv")}
        site.manifest(inputs=[table], miniBatchSize="1KB")
        finished = site.command("run", "job.yaml", "--output", "out")
    assert finished.status == 2, finished.text
    assert SIGNATURE not in finished.text
    assert "gone.csv?..." in finished.stderr


def test_a_store_that_does_not_answer_while_the_job_is_planned_is_named_and_ctrl_c_ends_the_wait(site: Site) -> None:
    site.script(FAILS)
    datastore = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Datastore",
        "metadata": {"name": "samples"},
        "spec": {
            "s3": {"bucket": "samples", "region": "eu-1", "endpoint": f"http://127.0.0.1:{free_port()}"},
            "anonymous": True,
        },
    }
    files = {"name": "files", "type": "File", "paths": ["datastore://samples/in/*.txt"]}
    run = site.start("run", site.manifest(datastore, inputs=[files]), "--output", "out")
    assert run.stderr is not None
    read: list[str] = []
    wait_for(lambda: "does not answer" in (read.append(run.stderr.readline()) or read[-1]), "why it waits")
    assert "datastore 'samples'" in read[-1]
    assert "Connection refused" in read[-1]
    run.send_signal(signal.SIGINT)
    _, rest = run.communicate(timeout=30)
    assert run.returncode == 130, rest
    assert "--resume" in rest
