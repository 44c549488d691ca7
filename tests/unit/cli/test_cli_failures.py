"""`parallelrun failures`, and the logs of mini-batches, read from segments as workers and agents write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallelrun.api import layout
from parallelrun_agent.report.failures import failure_payload
from parallelrun_worker.segment import FAILED, SUCCEEDED, Writer

TRACEBACK = """Traceback (most recent call last):
  File "score.py", line 6, in run
    raise {name}("four \x1b[31m")
{name}: four \x1b[31m"""


@pytest.fixture
def run(here, make_run) -> Path:
    """An aborted run: node 0 ran mini-batches 0 to 3, node 1 ran 4 to 6; three ValueErrors, one time-out."""
    folder = make_run(here / "r", "Aborted", reason="ErrorThresholdExceeded", message="8 items failed")
    segments = folder / layout.SEGMENTS
    segments.mkdir()
    worker = Writer(str(segments / layout.segment_name(0, "h0", 1, 0)))
    worker.add(b"ok\n", 0, 1 << 40, 1, SUCCEEDED, 2, 2, 2, 0.5)
    agents = [Writer(str(segments / layout.segment_name(node, f"h{node}", "agent", 0))) for node in (0, 1)]
    for mini_batch in (1, 2, 4):
        payload = failure_payload("raised", TRACEBACK.format(name="ValueError"), files(mini_batch), mini_batch % 2)
        agents[mini_batch // 4].add(payload, mini_batch, 1 << 40, 3, FAILED, 2, 0, 0, 0.1)
    payload = failure_payload("timeout", "run() took longer than 60 s", files(6), None)
    agents[1].add(payload, 6, 1 << 40, 3, FAILED, 2, 0, 0, 60.0)
    for writer in (worker, *agents):
        writer.flush()
        writer.close()
    for node in (0, 1):
        for process in (0, 1):
            log = folder / layout.USER_STDOUT / layout.node_name(node) / f"process00{process}.stdout.txt"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"{node}.{process}\n")
    return folder


def files(mini_batch: int) -> list[str]:
    return [f"/in/{mini_batch}-{number} \x1b[2J.png" for number in range(8)]


def test_failures_are_grouped_by_exception_the_most_frequent_first(call, run):
    answer = call("failures", "r")
    assert answer.code == 0
    heads = [line for line in answer.out.splitlines() if line and not line.startswith(" ")]
    assert heads == ["ValueError: 3 mini-batches, 6 items", "timeout: 1 mini-batch, 2 items"]
    assert "the first: mini-batch 1 (node000, process001, 3 tries)" in answer.out
    assert "also: 2, 4" in answer.out
    assert "and 3 more" in answer.out
    assert "ErrorThresholdExceeded: 8 items failed" in answer.err


def test_names_and_tracebacks_are_safe(call, run):
    for words in ((), ("--full",), ("--mini-batch", "1")):
        out = call("failures", "r", *words).out
        assert "\x1b" not in out
        assert r"ValueError: four \x1b[31m" in out
        assert r"/in/1-0 \x1b[2J.png" in out


def test_full_has_every_failure_with_all_files(call, run):
    out = call("failures", "r", "--full").out
    for mini_batch in (1, 2, 4, 6):
        assert f"mini-batch {mini_batch} " in out
        assert f"/in/{mini_batch}-7 " in out


def test_json_has_everything_as_it_is(call, run):
    values = json.loads(call("failures", "r", "-o", "json").out)
    assert [value["miniBatch"] for value in values] == [1, 2, 4, 6]
    assert values[0]["files"] == files(1)
    assert values[0]["traceback"] == TRACEBACK.format(name="ValueError")
    assert values[3]["kind"] == "timeout"


def test_names_are_the_numbers(call, run):
    assert call("failures", "r", "-o", "name").out.split() == ["1", "2", "4", "6"]
    assert call("failures", "r", "-o", "name", "--mini-batch", "4").out.split() == ["4"]


def test_a_run_without_failures_says_so(call, here, make_run):
    (here / "r").mkdir()
    folder = make_run(here / "r")
    (folder / layout.SEGMENTS).mkdir()
    result = json.loads((folder / layout.RESULT).read_text())
    result["miniBatches"]["failed"] = 0
    (folder / layout.RESULT).write_text(json.dumps(result))
    answer = call("failures", "r")
    assert (answer.code, answer.out) == (0, "")
    assert "No mini-batch failed." in answer.err


def test_a_run_that_never_ran_a_mini_batch_says_why(call, here, make_run):
    make_run(here / "r", "Aborted", reason="InitFailed", message="init() raised")
    answer = call("failures", "r")
    assert answer.code == 0
    assert "InitFailed: init() raised" in answer.err


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("--mini-batch", "0"), ["0.1"]),
        (("--mini-batch", "2"), ["0.0"]),
        (("--failed",), ["0.0", "0.1", "1.0", "1.1"]),
        (("--failed", "--node", "0"), ["0.0", "0.1"]),
        (("--mini-batch", "6"), ["1.0", "1.1"]),
    ],
)
def test_logs_are_of_the_processes_that_ran_a_mini_batch(call, run, words, printed):
    answer = call("logs", "r", *words)
    assert [line.rpartition(" ")[2] for line in answer.out.splitlines()] == printed


def test_a_mini_batch_that_did_not_run_has_no_logs(call, run):
    answer = call("logs", "r", "--mini-batch", "99")
    assert answer.code == 2
    assert "no process of this run ran mini-batch 99" in answer.err
