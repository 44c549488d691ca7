"""Failures: what records hold, and reading them back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_job import Written, data_file, failed, flip, write_job

from parallelrun_agent.output.winners import Winners
from parallelrun_agent.report.failures import TEXT_LIMIT, Failure, error_line, failure_payload, grouped, read_failures

TRACEBACK = """Traceback (most recent call last):
  File "/job/source/score.py", line 12, in run
    raise ValueError("no digit in\\n  " + path)
ValueError: no digit in
  7.png
"""


SENTENCE = "run must return a list, tuple, array or DataFrame, got None"
SYNTAX = '  File "score.py", line 3\n    def run(:\n            ^\nSyntaxError: invalid syntax'
CHAINED = f"""{TRACEBACK}
During handling of the above exception, another exception occurred:

{TRACEBACK.replace("ValueError: no", "KeyError: no")}"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TRACEBACK, "ValueError: no digit in"),
        (CHAINED, "KeyError: no digit in"),
        (SYNTAX, "SyntaxError: invalid syntax"),
        (SENTENCE, SENTENCE),
        ("\n\n", ""),
        ("", ""),
        ("x" * 2000, "x" * 500),
    ],
)
def test_the_error_is_the_line_that_says_what_went_wrong(text: str, line: str) -> None:
    assert error_line(text) == line


def failures(folder: Path, total: int) -> list[Failure]:
    winners = Winners.build(folder, total)
    try:
        return list(read_failures(folder, winners))
    finally:
        winners.close()


def test_a_failure_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    payload = failure_payload("raised", TRACEBACK, ["images/ü\udcff.png"], 3)
    write_job(tmp_path, {"2-pod-x-agent-0": [failed(1, payload, try_number=3, items=10)], "2-pod-x-0-0": [Written(0)]})
    (failure,) = failures(tmp_path, 2)
    assert failure == Failure(
        mini_batch=1,
        node="node002",
        process="process003",
        tries=3,
        elapsed=0.5,
        items=10,
        error="ValueError: no digit in",
        traceback=TRACEBACK,
        files=["images/ü\udcff.png"],
        kind="raised",
    )


def test_a_very_long_text_keeps_its_beginning_and_its_end() -> None:
    text = json.loads(failure_payload("raised", "a" * TEXT_LIMIT + "b" * TEXT_LIMIT, []))["traceback"]
    assert len(text) < TEXT_LIMIT + 100
    assert (text[0], text[-1]) == ("a", "b")


def test_damaged_and_empty_failures_are_still_told(tmp_path: Path) -> None:
    write_job(tmp_path, {"0-a-agent-0": [failed(0, b'{"error": "no"}'), failed(1, b""), failed(2, b"[1]")]})
    flip(data_file(tmp_path, "0-a-agent-0"), 3)
    told = [f.error for f in failures(tmp_path, 3)]
    assert told == ["(the record of this failure is damaged)", "", "(the record of this failure cannot be read)"]


def test_failures_are_grouped_by_exception_most_frequent_first() -> None:
    def failure(mini_batch: int, error: str, kind: str = "raised") -> Failure:
        return Failure(mini_batch, "node000", "process000", 3, 0.1, 2, error, kind=kind)

    groups = grouped(
        [
            failure(1, "ValueError: a"),
            failure(2, "took longer than 60 s", "timeout"),
            failure(3, "ValueError: b"),
            failure(4, "pkg.errors.Odd"),
        ]
    )
    assert [(g.exception, g.kind, g.count, g.items, g.mini_batches) for g in groups] == [
        ("ValueError", "raised", 2, 4, [1, 3]),
        ("timeout", "timeout", 1, 2, [2]),
        ("pkg.errors.Odd", "raised", 1, 2, [4]),
    ]
