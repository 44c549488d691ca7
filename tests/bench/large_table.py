"""A large CSV on a web server, run as a job: time to plan it and to read all of it, and that every row came once.

    python tests/bench/large_table.py [--gigabytes 20] [--processes 4]

The server makes up the file while it is read (one block of rows, over and over), so it takes no disk; all of it is
sent, fetched and parsed. Rows and their sum are compared with what they have to be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1] / "storage_servers"))

from web_server import ServerThread

HEADER = b"number,value,name\n"
#: Not a divisor of any mini-batch's size.
ROWS = 15_013
BLOCK = b"".join(b"%07d,%06d,%s\n" % (n, n * 7919 % 1_000_003, b"name" * 11) for n in range(ROWS))
SUM = sum(n * 7919 % 1_000_003 for n in range(ROWS))
JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: Datastore
metadata: {{name: big}}
spec: {{https: {{url: "{url}"}}, anonymous: true}}
---
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {{name: large-table}}
spec:
  source: {{directory: ./code}}
  entryScript: count.py
  inputs: [{{name: rows, type: Tabular, paths: ["datastore://big/large.csv"]}}]
  miniBatchSize: 32MB
  processCountPerNode: {processes}
  errorThreshold: -1
"""
SCRIPT = """\
def run(frame):
    return [f"{len(frame)} {int(frame['value'].sum())}"]
"""


class LargeTable(ServerThread):
    """Serves so many blocks after a header."""

    def __init__(self, blocks: int) -> None:
        super().__init__(self._serve)
        self.size = len(HEADER) + blocks * len(BLOCK)

    async def _serve(self, request: web.Request) -> web.Response:
        start, stop = 0, self.size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if asked:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, self.size)
        headers = {"etag": '"1"', "accept-ranges": "bytes", "content-range": f"bytes {start}-{stop - 1}/{self.size}"}
        if request.method == "HEAD":
            return web.Response(headers={"etag": '"1"', "accept-ranges": "bytes", "content-length": str(self.size)})
        return web.Response(status=206, headers=headers, body=self._bytes(start, stop))

    @staticmethod
    def _bytes(start: int, stop: int) -> bytes:
        head = HEADER[start:stop]
        first, last = max(0, start - len(HEADER)), max(0, stop - len(HEADER))
        block = first // len(BLOCK)
        many = BLOCK * (-(-last // len(BLOCK)) - block)
        return head + many[first - block * len(BLOCK) : last - block * len(BLOCK)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    blocks = int(options.gigabytes * 1e9 / len(BLOCK))
    with LargeTable(blocks) as server, tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        (folder / "code").mkdir()
        (folder / "code" / "count.py").write_text(SCRIPT)
        (folder / "job.yaml").write_text(JOB.format(url=server.url, processes=options.processes))
        started = time.monotonic()
        command = [sys.executable, "-m", "parallelrun.cli.main", "run", "job.yaml", "--output", "out"]
        subprocess.run(command, check=True, cwd=folder, stderr=subprocess.DEVNULL)
        took = time.monotonic() - started
        results = [line.split() for line in (folder / "out" / "parallel_run_step.txt").read_text().splitlines()]
        rows, total = (sum(int(one[place]) for one in results) for place in (0, 1))
        assert (rows, total) == (blocks * ROWS, blocks * SUM), (rows, blocks * ROWS, total, blocks * SUM)
        log = (folder / "out" / "logs" / "sys" / "node000.log").read_text()
        planned = re.search(r"planned \d+ mini-batches in [\d.]+ s", log)
        print(
            f"{server.size / 1e9:.1f} GB, {rows} rows, every one once; {planned[0] if planned else ''}; "
            f"{took:.0f} s in all with {options.processes} processes, {server.size / 1e6 / took:.0f} MB/s"
        )


if __name__ == "__main__":
    main()
