"""The header's phases, transition by transition."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from parallelrun.leases import header
from parallelrun.leases.header import Grant, Header, Phase, Plan

PLAN = Plan("p" * 64, 100, "i" * 64)
STALE = Grant("a", 1)


def planning(shards: int = 2) -> Header:
    return header.new("uid", shards, "spec", "source")


def granted(result: tuple[Header, Grant | None]) -> tuple[Header, Grant]:
    h, grant = result
    assert grant is not None
    assert grant == h.grant
    return h, grant


def running(shards: int = 2) -> Header:
    h, grant = granted(header.grant_planning(planning(shards), "a"))
    h, ok = header.publish_plan(h, grant, PLAN)
    assert ok
    return h


def finalizing() -> tuple[Header, Grant]:
    h = header.shard_completed(header.shard_completed(running(), 0), 1)
    return granted(header.grant_finalizing(h, "a"))


def committing() -> tuple[Header, Grant]:
    h, grant = finalizing()
    h, ok = header.publish_winners(h, grant, "w")
    assert ok
    return h, grant


def done() -> Header:
    h, grant = committing()
    return header.finish(h, grant, {"rows": 5})[0]


def aborted(reason: str = header.CANCELLED) -> Header:
    return header.abort(running(), reason, "why")


EVERY_PHASE = {
    Phase.PLANNING: planning,
    Phase.RUNNING: running,
    Phase.FINALIZING: lambda: finalizing()[0],
    Phase.COMMITTING: lambda: committing()[0],
    Phase.DONE: done,
    Phase.ABORTED: aborted,
}


@pytest.mark.parametrize("phase", EVERY_PHASE)
def test_a_header_survives_json(phase):
    h = EVERY_PHASE[phase]()
    assert h.phase is phase
    assert Header.from_json(json.loads(json.dumps(h.to_json()))) == h


def test_many_shards_fit_the_bitmap():
    h = planning(1000)
    assert Header.from_json(json.loads(json.dumps(h.to_json()))).open_shards == (1 << 1000) - 1


def test_a_job_without_shards_is_a_defect():
    with pytest.raises(ValueError, match="at least one shard"):
        planning(0)


def test_one_plans_and_the_others_wait():
    h, grant = granted(header.grant_planning(planning(), "a"))
    assert header.grant_planning(h, "b") == (h, None)
    assert header.grant_planning(h, "a") == (h, grant), "the answer may have been lost"


@pytest.mark.parametrize("phase", sorted(set(EVERY_PHASE) - {Phase.PLANNING}))
def test_planning_is_granted_in_planning_only(phase):
    h = EVERY_PHASE[phase]()
    assert header.grant_planning(h, "z") == (h, None)


def test_a_planner_that_was_superseded_publishes_nothing():
    h, old = granted(header.grant_planning(planning(), "a"))
    h, new = granted(header.grant_planning(header.revoke(h, "a"), "b"))
    assert new.epoch > old.epoch
    after, ok = header.publish_plan(h, old, PLAN)
    assert not ok
    assert after is h
    h, ok = header.publish_plan(h, new, PLAN)
    assert ok
    assert (h.phase, h.plan, h.grant) == (Phase.RUNNING, PLAN, None)
    assert header.publish_plan(h, new, replace(PLAN, total=7)) == (h, False)


def test_another_plan_after_a_resume_is_input_changed_and_named():
    h, grant = granted(header.grant_planning(header.resume(running()), "b"))
    h, ok = header.publish_plan(h, grant, replace(PLAN, sha256="q" * 64), "7.png changed")
    assert ok
    assert (h.phase, h.reason, h.message, h.plan) == (Phase.ABORTED, "InputChanged", "7.png changed", PLAN)


def test_the_same_plan_after_a_resume_goes_on():
    h, grant = granted(header.grant_planning(header.resume(running()), "b"))
    assert header.publish_plan(h, grant, PLAN)[0].phase is Phase.RUNNING


def test_finalizing_is_granted_once_every_shard_is_complete():
    h = header.shard_completed(running(), 1)
    assert h.open_shards == 0b01
    assert header.grant_finalizing(h, "a") == (h, None)
    h, grant = granted(header.grant_finalizing(header.shard_completed(h, 0), "a"))
    assert h.phase is Phase.FINALIZING
    assert header.grant_finalizing(h, "b") == (h, None)
    assert header.grant_finalizing(h, "a") == (h, grant)


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.DONE])
def test_there_is_nothing_to_finalize_before_running_and_after_done(phase):
    h = EVERY_PHASE[phase]()
    assert header.grant_finalizing(h, "z") == (h, None)


def test_a_late_clear_of_a_shard_that_was_reopened_is_refused():
    h = header.shard_completed(running(1), 0, epoch=running(1).epoch)
    seen = h.epoch
    h, grant = granted(header.grant_finalizing(h, "a"))
    h, ok = header.reopen(h, grant, 0b1)
    assert ok
    assert header.shard_completed(h, 0, epoch=seen) is h
    assert header.shard_completed(h, 0, epoch=h.epoch).open_shards == 0


def test_a_superseded_finalizer_publishes_reopens_and_finishes_nothing():
    h, old = finalizing()
    h, new = granted(header.grant_finalizing(header.revoke(h, "a"), "b"))
    assert header.publish_winners(h, old, "x") == (h, False)
    assert header.reopen(h, old, 1) == (h, False)
    h, ok = header.publish_winners(h, new, "w")
    assert ok
    assert header.finish(h, old, {}) == (h, False)
    assert header.fail(h, old, "Corrupt", "x") == (h, False)
    assert header.finish(h, new, {"rows": 5})[1]


def test_a_successor_in_committing_repeats_it_with_the_same_table():
    h, _ = committing()
    h, grant = granted(header.grant_finalizing(header.revoke(h, "a"), "b"))
    assert (h.phase, h.winners) == (Phase.COMMITTING, "w")
    assert header.publish_winners(h, grant, "other") == (h, False)
    h, ok = header.finish(h, grant, {"rows": 5})
    assert ok
    assert (h.phase, h.result, h.reported, h.grant) == (Phase.DONE, {"rows": 5}, True, None)


def test_corrupt_winners_reopen_their_shards():
    h, grant = finalizing()
    h, ok = header.reopen(h, grant, 0b10)
    assert ok
    assert (h.phase, h.open_shards, h.grant) == (Phase.RUNNING, 0b10, None)


@pytest.mark.parametrize("shards", [0, 0b100, -1])
def test_reopening_no_shard_or_one_that_is_not_there_is_a_defect(shards):
    h, grant = finalizing()
    with pytest.raises(ValueError, match="bitmap"):
        header.reopen(h, grant, shards)


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.RUNNING, Phase.FINALIZING])
def test_a_job_can_be_aborted_before_committing(phase):
    h = header.abort(EVERY_PHASE[phase](), "Cancelled", "by hand")
    assert (h.phase, h.reason, h.message, h.grant) == (Phase.ABORTED, "Cancelled", "by hand", None)


@pytest.mark.parametrize("phase", [Phase.COMMITTING, Phase.DONE, Phase.ABORTED])
def test_a_job_is_not_aborted_once_it_commits_or_is_over(phase):
    h = EVERY_PHASE[phase]()
    assert header.abort(h, "Late", "too late") is h


def test_aborting_takes_the_finalizers_grant():
    h, grant = finalizing()
    h = header.abort(h, "Cancelled", "")
    assert header.publish_winners(h, grant, "w") == (h, False)
    assert header.finish(h, grant, {}) == (h, False), "reports are for whoever is granted them now"


def test_an_aborted_job_is_reported_by_one_and_once():
    h, grant = granted(header.grant_finalizing(aborted(), "a"))
    assert header.grant_finalizing(h, "b") == (h, None)
    h, ok = header.finish(h, grant, {"failed": 3})
    assert ok
    assert (h.phase, h.reported, h.result) == (Phase.ABORTED, True, {"failed": 3})
    assert header.grant_finalizing(h, "b") == (h, None)


def test_corruption_after_the_table_was_frozen_fails_the_job_and_the_finalizer_reports_it():
    h, grant = committing()
    h, ok = header.fail(h, grant, "Corrupt", "mini-batch 7")
    assert ok
    assert (h.phase, h.reason, h.message) == (Phase.ABORTED, "Corrupt", "mini-batch 7")
    assert header.finish(h, grant, {})[1]


def test_revoking_another_holders_grant_changes_nothing():
    h, _ = finalizing()
    assert header.revoke(h, "b") is h
    h = header.revoke(h, "a")
    assert header.revoke(h, "a") is h


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.RUNNING])
def test_a_resumed_run_checks_its_input_again(phase):
    h = header.resume(EVERY_PHASE[phase]())
    assert (h.phase, h.generation, h.epoch, h.grant, h.open_shards) == (Phase.PLANNING, 2, 2 << 40, None, 0b11)


@pytest.mark.parametrize("phase", [Phase.FINALIZING, Phase.COMMITTING])
def test_a_run_resumed_while_finalizing_finalizes(phase):
    before = EVERY_PHASE[phase]()
    h = header.resume(before)
    assert (h.phase, h.generation, h.grant, h.winners) == (phase, 2, None, before.winners)
    h, grant = granted(header.grant_finalizing(h, "b"))
    assert grant.epoch > before.epoch


def test_epochs_of_a_resumed_run_outdo_all_before():
    h = running()
    for n in range(100):
        h = header.revoke(granted(header.grant_finalizing(replace(h, open_shards=0), f"p{n}"))[0], f"p{n}")
    assert header.resume(h).epoch > h.epoch


@pytest.mark.parametrize("reason", sorted(header.RESUMABLE))
def test_what_says_nothing_about_the_results_can_be_resumed(reason):
    h, grant = granted(header.grant_finalizing(aborted(reason), "a"))
    h, _ = header.finish(h, grant, {"failed": 3})
    h = header.resume(h)
    assert (h.phase, h.reason, h.message, h.reported, h.result) == (Phase.PLANNING, "", "", False, {})
    assert h.plan == PLAN


@pytest.mark.parametrize("reason", ["ErrorThresholdExceeded", "Corrupt"])
def test_a_job_that_failed_for_what_its_results_are_stays_failed(reason):
    h = aborted(reason)
    assert not header.resumable(h)
    assert header.resume(h) is h


def test_done_stays_done():
    h = done()
    assert header.resume(h) is h
