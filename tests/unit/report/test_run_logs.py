"""The log files that people read: mini-batches, errors, overview, resources."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from written_job import Written, failed, write_job

from parallelrun.api.errors import OutputError
from parallelrun_agent.output.winners import Winners
from parallelrun_agent.report import mini_batches
from parallelrun_agent.report.failures import failure_payload
from parallelrun_agent.report.overview import NodeProgress, Progress, overview, write_overview
from parallelrun_agent.report.perf import ResourceSampler, usage
from parallelrun_agent.report.user_errors import UserErrors


def test_processed_mini_batches_are_listed_in_order_with_where_and_how_they_ended(tmp_path: Path) -> None:
    payload = failure_payload("raised", 'ValueError: a "b", c', ["x"], 1)
    write_job(
        tmp_path,
        {
            "0-pod-a-0-0": [Written(3, items=5), Written(0, try_number=2)],
            "1-pod-b-agent-0": [failed(2, payload, try_number=3)],
        },
    )
    winners = Winners.build(tmp_path, 4)
    path = mini_batches.write(tmp_path, winners)
    winners.close()
    assert path == tmp_path / "logs" / "processed_mini-batches.csv"
    assert path.read_text().splitlines() == [
        "mini-batch,node,process,tries,elapsed,status,items,error",
        "0,node000,process000,2,0.5000,succeeded,1,",
        '2,node001,process001,3,0.5000,failed,1,"ValueError: a ""b"", c"',
        "3,node000,process000,1,0.5000,succeeded,5,run returned 1 elements for 5 items",
    ]
    with open(path, newline="") as file:
        short = "run returned 1 elements for 5 items"
        assert [line["error"] for line in csv.DictReader(file)] == ["", 'ValueError: a "b", c', short]
    assert [(m.mini_batch, m.status, m.tries) for m in mini_batches.read(path)] == [
        (0, "succeeded", 2),
        (2, "failed", 3),
        (3, "succeeded", 1),
    ]


def test_the_list_goes_on_over_the_chunks_it_is_written_in(tmp_path: Path) -> None:
    total = 70_000
    spread = {"0-a-0-0": [Written(n, b"") for n in (0, 65_535, 65_536, total - 1)], "0-a-agent-0": [failed(65_537)]}
    winners = Winners.build(write_job(tmp_path, spread), total)
    found = [(m.mini_batch, m.status) for m in mini_batches.read(mini_batches.write(tmp_path, winners))]
    winners.close()
    assert [m for m, _ in found] == [0, 65_535, 65_536, 65_537, total - 1]
    assert [m for m, status in found if status == "failed"] == [65_537]


def test_each_failed_try_is_appended_to_the_file_of_its_process(tmp_path: Path) -> None:
    errors = UserErrors(tmp_path, 7)
    errors.append(2, 17, 1, "raised", "ValueError: \udcff\n", [f"{n}.png" for n in range(30)])
    errors.append(2, 17, 2, "timeout", "run took longer than 60 s", [])
    errors.append(None, 18, 1, "died", "the process died", ["a"])
    text = (tmp_path / "logs/user/error/node007/process002.txt").read_text()
    assert "mini-batch 17, try 1: raised" in text
    assert "ValueError: \\udcff\n" in text
    assert "file: 19.png\nand 10 more files\n" in text
    assert text.index("try 1: raised") < text.index("try 2: timeout")
    assert "mini-batch 18" in (tmp_path / "logs/user/error/node007/agent.txt").read_text()


PROGRESS = Progress(
    phase="Running",
    total=100,
    completed=25,
    failed=1,
    retried=2,
    items_succeeded=240,
    items_failed=10,
    elapsed=50.0,
    nodes=[NodeProgress(0, "running", 20, 2), NodeProgress(1, "lost", 5)],
    stalled="No space left for /out",
)


def test_the_overview_tells_counts_rate_time_left_nodes_and_why_work_pauses() -> None:
    text = overview("mnist", PROGRESS, 0.0)
    for expected in (
        "25 of 100 completed (1 failed, 2 retried)",
        "240 succeeded, 10 failed",
        "0.5 mini-batches/s",
        "time left      0:02:30",
        "paused         No space left for /out",
        "1970-01-01T00:00:00Z",
    ):
        assert expected in text
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["node000", "running", "20", "2"],
        ["node001", "lost", "5", "0"],
    ]


def test_the_overview_is_rewritten(tmp_path: Path) -> None:
    write_overview(tmp_path, "mnist", PROGRESS)
    write_overview(tmp_path, "iris", PROGRESS)
    (path,) = (tmp_path / "logs").iterdir()
    assert path.name == "job_progress_overview.txt"
    assert path.read_text().startswith("job            iris\n")


def test_an_overview_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(OutputError, match="job_progress_overview"):
        write_overview(tmp_path, "mnist", PROGRESS)


def test_resources_are_sampled_by_process_and_ended_ones_left_out(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    sampler = ResourceSampler(tmp_path, 0)
    processes = {"agent": os.getpid(), "process000": ended.pid}
    sampler.sample(1000.0, processes)
    spent = usage(os.getpid())
    assert spent is not None
    goal = spent.cpu_seconds + 0.05
    while (now := usage(os.getpid())) is not None and now.cpu_seconds < goal:
        sum(range(10_000))
    sampler.sample(1001.0, processes)
    with open(tmp_path / "logs/perf/node000.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["process"], first["cpu_percent"]) == ("agent", "")
    assert 5.0 <= float(second["cpu_percent"]) < 100.0
    assert int(second["rss_bytes"]) > 1 << 20


def test_a_name_with_parentheses_and_spaces_does_not_confuse_the_sampler(tmp_path: Path) -> None:
    odd = tmp_path / "a) R (b"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(odd), "60"])
    try:
        used = usage(process.pid)
        assert used is not None
        assert used.cpu_seconds < 5
        assert used.started > 0
    finally:
        process.kill()
        process.wait()
