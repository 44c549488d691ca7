"""The agent's own memory at a job's end does not grow with the number of mini-batches."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy
from written_job import data_file, header, index_file, settings, write_job

from parallelrun.leases.header import Phase
from parallelrun_agent.output import finalize
from parallelrun_agent.output.record_crc import record_crcs
from parallelrun_agent.output.segments import RECORD
from parallelrun_worker.segment import BODY_SIZE, RECORD_SIZE

TOTAL = 400_000
PAYLOAD = b"one line of a result\n"
#: The table alone is 26 MB, and a Python object for each row would be as much again.
ROOM_MB = 20


def anonymous_mb() -> float:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


@contextmanager
def peak_mb() -> Iterator[list[float]]:
    """The most anonymous memory seen above what there was at the start, sampled every few milliseconds."""
    base, seen, stop = anonymous_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            seen[0] = max(seen[0], anonymous_mb() - base)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def write_many(folder: Path) -> None:
    """Two segments that take turns every 16 mini-batches, as two processes of a node do."""
    names = ["0-a-0-0", "0-a-1-0"]
    write_job(folder, {name: [] for name in names})
    for turn, name in enumerate(names):
        mini_batches = numpy.arange(TOTAL)
        mini_batches = mini_batches[(mini_batches // 16) % 2 == turn]
        records = numpy.zeros(len(mini_batches), dtype=RECORD)
        records["mini_batch"] = mini_batches
        records["offset"] = numpy.arange(len(records)) * len(PAYLOAD)
        records["length"], records["data_crc"] = len(PAYLOAD), zlib.crc32(PAYLOAD)
        for field in ("epoch", "items", "returned", "rows", "try_number", "status", "version"):
            records[field] = 1
        records["crc"] = record_crcs(records.view(numpy.uint8).reshape(-1, RECORD_SIZE), BODY_SIZE)
        index_file(folder, name).write_bytes(records.tobytes())
        data_file(folder, name).write_bytes(PAYLOAD * len(records))


def test_many_mini_batches_are_finalized_in_little_memory(tmp_path: Path) -> None:
    write_many(tmp_path)
    with peak_mb() as peak:
        prepared = finalize.prepare(tmp_path, TOTAL)
        result = finalize.commit(tmp_path, settings(), header(TOTAL, Phase.COMMITTING, prepared.sha256))
    assert result["output"]["rows"] == TOTAL
    assert result["output"]["bytes"] == TOTAL * len(PAYLOAD)
    assert 0 < peak[0] < ROOM_MB
