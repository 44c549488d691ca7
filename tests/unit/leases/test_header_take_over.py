"""A job either runs or takes over what an earlier one made: whichever is published first stands for good."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.leases import header
from parallelrun.leases.header import Grant, Header, Phase, Plan

PLAN = Plan("p" * 64, 100, "i" * 64)
REUSED = {"reusedFrom": "mnist-1", "items": {"succeeded": 100}}


def planning() -> tuple[Header, Grant]:
    h, grant = header.grant_planning(header.new("uid", 2, "spec", "source"), "a")
    assert grant is not None
    return h, grant


def test_what_is_taken_over_is_committed_by_the_same_holder_and_then_done():
    h, grant = planning()
    h, ok = header.take_over(h, grant, PLAN, "f", REUSED)
    assert ok
    assert (h.phase, h.plan, h.open_shards, h.fingerprint, h.reused) == (Phase.COMMITTING, PLAN, 0, "f", REUSED)
    assert header.grant_finalizing(h, "a") == (h, grant)
    assert Header.from_json(h.to_json()) == h
    done, ok = header.finish(h, grant, {"reason": "Reused"})
    assert ok
    assert (done.phase, done.result) == (Phase.DONE, {"reason": "Reused"})


def test_a_successor_reports_what_was_taken_over_also_in_a_later_generation():
    h, grant = planning()
    h = header.resume(header.revoke(header.take_over(h, grant, PLAN, "f", REUSED)[0], "a"))
    assert (h.phase, h.reused) == (Phase.COMMITTING, REUSED)
    h, again = header.grant_finalizing(h, "b")
    assert again is not None
    assert header.finish(h, grant, {}) == (h, False)
    assert header.finish(h, again, {})[1]


def test_a_job_that_was_planned_before_takes_nothing_over():
    h, grant = planning()
    h, again = header.grant_planning(header.resume(header.publish_plan(h, grant, PLAN, "", "f")[0]), "b")
    assert again is not None
    assert header.take_over(h, again, PLAN, "f", REUSED) == (h, False)


@pytest.mark.parametrize(("now", "kept"), [("f", "f"), ("g", ""), ("", "")])
def test_a_job_whose_fingerprint_changed_between_its_generations_has_none(now, kept):
    h, grant = planning()
    h, again = header.grant_planning(header.resume(header.publish_plan(h, grant, PLAN, "", "f")[0]), "b")
    assert again is not None
    assert header.publish_plan(h, again, PLAN, "", now)[0].fingerprint == kept


@given(st.lists(st.tuples(st.sampled_from(["plan", "take", "expire", "resume", "finish"]), st.integers(0, 2))))
def test_in_any_order_one_decision_stands(steps: list[tuple[str, int]]):
    """Planners act at any later moment on a grant that they once had."""
    h = header.new("uid", 1, "spec", "source")
    grants: dict[int, Grant] = {}
    decided: str | None = None
    for what, who in steps:
        before = h
        h, grant = header.grant_planning(h, str(who))
        grants |= {who: grant} if grant else {}
        if what in ("plan", "take") and who in grants:
            current = h.phase is Phase.PLANNING and h.grant == grants[who]
            if what == "plan":
                h, ok = header.publish_plan(h, grants[who], PLAN)
                assert ok == current
            else:
                h, ok = header.take_over(h, grants[who], PLAN, "f", REUSED)
                assert ok == (current and decided is None)
            decided = (decided or what) if ok else decided
        elif what == "expire":
            h = header.revoke(h, str(who))
        elif what == "resume":
            h = header.resume(h)
        elif what == "finish":
            h, grant = header.grant_finalizing(h, str(who))
            h = header.finish(h, grant, {})[0] if grant else h
        assert h.epoch >= before.epoch
        assert bool(h.reused) == (decided == "take")
        assert (h.phase in (Phase.COMMITTING, Phase.DONE)) == (decided == "take")
        assert h.plan is None or replace(h.plan) == PLAN
