"""What it costs that files are in an object store: a store that takes 50 ms to answer, against a folder.

Both runs have 2 processes and 20 ms of work a file, files of 100 KB: the time from the first call of `run` to the last
is what is compared, and the whole runs are shown beside.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS / "engine"), str(_TESTS / "storage_servers")]

from fault_proxy import FaultProxy, Faults  # noqa: E402
from store_runs import StoreJob, files_job  # noqa: E402
from store_servers import S3  # noqa: E402

SIZE = 100_000
LATENCY = 0.05
SECONDS_EACH = 0.02
SCRIPT = """\
import os, time


def init():
    pass


def run(mini_batch):
    for path in mini_batch:
        with open(path, "rb") as file:
            size = len(file.read())
        time.sleep(float(os.environ["SECONDS_EACH"]))
    with open(os.environ["SAID"], "a") as said:
        said.write(f"{time.time()}\\n")
    return [size for _ in mini_batch]
"""


def report(scratch: Path, files: int) -> None:
    """Run both, print seconds and their ratio."""
    content = os.urandom(SIZE)
    local = scratch / "local"
    local.mkdir(parents=True)
    for number in range(files):
        (local / f"{number}.bin").write_bytes(content)
    near = _timed(files_job(scratch / "near", [str(local)], str(local), []))
    (scratch / "server").mkdir()
    with S3(scratch / "server").running() as server:
        box = server.box("files")
        assert box.folder is not None
        shutil.copytree(local, box.folder / "in")
        with FaultProxy(box.server_url, Faults(latency=LATENCY)) as proxy:
            url = f"{box.url}/in"
            far = _timed(files_job(scratch / "far", [f"{url}/"], url, [box.behind(proxy.url)]))
    print(f"\n{files} files of {SIZE // 1000} KB, {SECONDS_EACH * 1000:g} ms of work each, 2 processes:")
    for name, (whole, working) in (("a folder", near), (f"a store that takes {LATENCY * 1000:g} ms to answer", far)):
        print(f"  {name}: {working:.2f} s of work, {whole:.2f} s in all")
    print(f"  ratio: {far[1] / near[1]:.2f} of work, {far[0] / near[0]:.2f} in all", flush=True)


def _timed(job: StoreJob) -> tuple[float, float]:
    """Seconds of the whole run, and from the first result to the last."""
    job.script, job.seconds_each = SCRIPT, SECONDS_EACH
    began = time.monotonic()
    run = job.run()
    run.done()
    whole = time.monotonic() - began
    times = sorted(map(float, run.said_file.read_text().split()))
    return whole, times[-1] - times[0]
