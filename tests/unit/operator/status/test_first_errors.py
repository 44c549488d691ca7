"""The first failures: what nodes tell of, kept when their holders change, and at the end what the reports name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seen import a_case, a_header, a_lease, running

from parallelrun.leases.header import Phase
from parallelrun_operator.job.status.errors import first_errors
from parallelrun_operator.job.status.write import printable
from parallelrun_operator.job.world import World

NODES = {0: a_lease("h0", first_failure=[7, "ValueError"]), 1: a_lease("h1", first_failure=[3, "KeyError"])}
SEVEN = {"miniBatch": 7, "node": 0, "message": "ValueError"}
THREE = {"miniBatch": 3, "node": 1, "message": "KeyError"}


def reported(*errors: dict[str, Any]) -> World:
    header = a_header(Phase.ABORTED, reported=True, result={"firstErrors": list(errors)})
    return replace(running(), header=header)


def test_each_node_tells_of_its_first() -> None:
    assert first_errors(a_case(replace(running(), nodes=NODES)), []) == [THREE, SEVEN]


def test_what_was_told_is_kept_when_a_holder_goes() -> None:
    assert first_errors(a_case(running()), [SEVEN]) == [SEVEN]


def test_at_the_end_only_what_is_reported_is_left_in_the_longer_words() -> None:
    short = {"miniBatch": 7, "files": ["7.png"], "message": "V"}
    other = {"miniBatch": 9, "files": [], "message": "IndexError"}
    found = first_errors(a_case(reported(short, other)), [THREE, SEVEN])
    assert found == [{**short, **SEVEN}, other]


def test_files_come_from_the_report_where_the_node_told_none() -> None:
    """The API server gives every error of a status a list of files, if only an empty one."""
    short = {"miniBatch": 7, "files": ["7.png"], "message": "V"}
    assert first_errors(a_case(reported(short)), [{**SEVEN, "files": []}]) == [{**short, **SEVEN}]


def test_there_are_ten_at_most() -> None:
    told = [{"miniBatch": n, "message": "x"} for n in range(30)]
    assert [one["miniBatch"] for one in first_errors(a_case(running()), told)] == list(range(10))


def test_names_that_are_no_text_are_made_text() -> None:
    """The API server would do so, and status would then be written again and again."""
    assert printable({"firstErrors": [{"files": ["\udcff.png"]}]}) == {"firstErrors": [{"files": ["?.png"]}]}
