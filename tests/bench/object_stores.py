"""How long planning over an S3 server takes, and how much memory: a large CSV, and a great many objects.

    python tests/bench/object_stores.py [--gigabytes 20] [--objects 1000000] [--latency 0]

The server is versitygw over a folder on this machine, with ``--latency`` seconds added to each request by a proxy. The
CSV is a stand-in: sparse, with rows around each megabyte, since what is between is not read. The objects are hard links
to a few files.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "storage_servers"))

STEP = 1 << 20
#: A file system allows so many links to a file, and a folder lists quickly so many names.
_LINKS, _FOLDER = 50_000, 1_000


def make_table(path: Path, gigabytes: float) -> None:
    """Rows around each multiple of the mini-batch's size."""
    rows = b"".join(b"%d,row %d,%d\n" % (n, n, n * n) for n in range(200))
    with path.open("wb") as file:
        file.write(b"id,name,value\n" + rows)
        file.truncate(int(gigabytes * (1 << 30)))
        for at in range(STEP, int(gigabytes * (1 << 30)), STEP):
            os.pwrite(file.fileno(), b"\n" + rows, at - 1000)


def make_objects(folder: Path, count: int) -> None:
    """So many names in folders of a thousand."""
    first = folder
    for number in range(count):
        inside = folder / f"day={number // _FOLDER}"
        if number % _FOLDER == 0:
            inside.mkdir()
        name = inside / f"image-{number}.png"
        if number % _LINKS == 0:
            name.write_bytes(b"x")
            first = name
        else:
            os.link(first, name)


def plan(settings: Path, folder: Path) -> None:
    """In a process of its own: plan, and print what it took."""
    from parallelrun.api.settings import JobSettings
    from parallelrun_agent.plan import make_plan

    job = JobSettings.from_json(json.loads(settings.read_text()))
    started, cpu = time.monotonic(), time.process_time()
    made = make_plan(job, folder)
    took = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{made.total} mini-batches in {took:.1f} s ({time.process_time() - cpu:.1f} s CPU), {memory:.0f} MB at most")


@contextmanager
def served(folder: Path, latency: float) -> Iterator[tuple[Path, list[dict[str, object]]]]:
    """A bucket's folder, and the stores of a job that reads it."""
    from fault_proxy import FaultProxy, Faults
    from store_servers import S3

    with S3(folder).running() as server:
        box = server.box("bench")
        assert box.folder is not None
        if not latency:
            yield box.folder, [asdict(box.store)]
            return
        with FaultProxy(box.server_url, Faults(latency=latency)) as proxy:
            yield box.folder, [asdict(box.behind(proxy.url))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--latency", type=float, default=0)
    parser.add_argument("--plan", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plan:
        plan(*options.plan)
        return
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as name,
        served(Path(name), options.latency) as (bucket, stores),
    ):
        cases = [
            ("table", options.gigabytes, make_table, bucket / "large.csv", "Tabular", STEP),
            ("objects", options.objects, make_objects, bucket / "images", "File", 10),
        ]
        for case, amount, make, path, kind, size in cases:
            if not amount:
                continue
            if kind == "File":
                path.mkdir()
            make(path, amount)
            url = f"datastore://bench/{path.name}"
            job = {
                "name": case, "uid": "uid", "entry_script": "x.py", "mini_batch_size": size, "stores": stores,
                "inputs": [{"name": case, "type": kind, "paths": [url], "root": "datastore://bench"}],
            }  # fmt: skip
            settings = Path(name) / f"{case}.json"
            settings.write_text(json.dumps(job))
            print(f"{case} {amount:g}: ", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--plan", settings, Path(name) / "plans"], check=True)


if __name__ == "__main__":
    main()
