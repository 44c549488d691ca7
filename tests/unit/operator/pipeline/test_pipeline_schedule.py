"""When a schedule makes runs, as a CronJob would, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pipeline_cluster import a_pipeline, job_step, script

from parallelrun.api.errors import ManifestError
from parallelrun_operator.job.actions import Create, Decision, Delete, Patch, SetStatus
from parallelrun_operator.job.status.conditions import Told, failed, merged, stamp
from parallelrun_operator.pipeline import schedule, times
from parallelrun_operator.pipeline.world import ScheduleWorld

Json = dict[str, Any]


def at(text: str) -> datetime:
    """``01-31 02:00`` of 2026, UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class Scheduled:
    """A pipeline made on 31 January, 12:00, whose schedule is looked at now and then."""

    def __init__(self, **fields: Any) -> None:
        count = {"name": "count", "type": "integer", "default": 5}
        when = {"cron": "0 2 * * *", **fields}
        self.pipeline = a_pipeline(script("prepare"), parameters=[count], schedule=when)
        self.pipeline["metadata"]["creationTimestamp"] = "2026-01-31T12:00:00Z"
        self.runs: dict[str, Json] = {}
        self.patched: list[tuple[str, Json]] = []

    def look(self, when: str, *, status: bool = True) -> Decision:
        """At that time; ``status`` False: the process dies before it writes that."""
        decision = schedule.decide(ScheduleWorld(at(when), self.pipeline, list(self.runs.values())))
        for action in decision.actions:
            match action:
                case Create(obj):
                    self.runs.setdefault(obj["metadata"]["name"], obj)
                case Delete(_, name, _, _):
                    del self.runs[name]
                case Patch(_, name, patch):
                    self.patched.append((name, patch["spec"]))
                case SetStatus(told, unchanged) if status:
                    assert unchanged
                    self.pipeline = {**self.pipeline, "status": told}
        return decision

    def end(self, name: str, reason: str = "") -> None:
        told = failed(reason, "so") if reason else {"Running": Told(False, "X"), "Complete": Told(True, "X")}
        self.runs[name]["metadata"]["uid"] = name
        self.runs[name]["status"] = {"conditions": merged((), told, 1, at("02-01 00:00"))}

    def change(self, **fields: Any) -> None:
        spec = self.pipeline["spec"]
        self.pipeline["spec"] = {**spec, "schedule": {**spec["schedule"], **fields}}
        self.pipeline["metadata"]["generation"] += 1

    @property
    def status(self) -> Json:
        value: Json = self.pipeline["status"]
        return value

    def condition(self, kind: str) -> Json:
        return next(one for one in self.status["conditions"] if one["type"] == kind)


def test_a_run_is_made_when_its_time_comes_and_not_before() -> None:
    nightly = Scheduled(parameters={"count": 7})
    first = nightly.look("01-31 12:01")
    assert first.look_again == schedule.LOOK_SECONDS
    assert nightly.status["nextScheduleTime"] == "2026-02-01T02:00:00Z"
    decision = nightly.look("02-01 01:59")
    assert (nightly.runs, decision.look_again) == ({}, 60.0)
    nightly.look("02-01 02:00")
    (run,) = nightly.runs.values()
    assert run["metadata"]["name"] == "digits-2602010200"
    assert run["metadata"]["annotations"] == {"parallelrun.dev/scheduled-for": "2026-02-01T02:00:00Z"}
    assert run["spec"] == {"pipeline": {"name": "digits"}, "parameters": {"count": 7}}
    assert (nightly.status["lastScheduleTime"], nightly.status["active"]) == (
        "2026-02-01T02:00:00Z",
        ["digits-2602010200"],
    )


def test_a_run_belongs_to_its_pipeline_and_goes_with_it() -> None:
    nightly = Scheduled()
    nightly.look("02-01 02:00")
    (owner,) = nightly.runs["digits-2602010200"]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("ParallelRunPipeline", "p" * 36)


def test_a_process_that_dies_before_it_recorded_the_time_makes_no_second_run() -> None:
    nightly = Scheduled()
    nightly.look("02-01 02:00", status=False)
    nightly.look("02-01 02:05")
    assert list(nightly.runs) == ["digits-2602010200"]
    assert nightly.status["lastScheduleTime"] == "2026-02-01T02:00:00Z"


def test_after_an_outage_one_run_makes_up_for_all_that_were_missed() -> None:
    nightly = Scheduled()
    nightly.look("01-31 13:00")
    nightly.look("02-11 10:00")
    assert list(nightly.runs) == ["digits-2602110200"]


@pytest.mark.parametrize(("deadline", "made"), [(None, 1), (3600, 0), (8 * 3600, 1)])
def test_a_run_is_not_made_later_than_its_deadline_allows(deadline: int | None, made: int) -> None:
    nightly = Scheduled(startingDeadlineSeconds=deadline)
    nightly.look("01-31 13:00")
    nightly.look("02-01 09:00")
    assert len(nightly.runs) == made


def test_while_a_run_goes_on_no_other_is_made_and_the_latest_is_made_up_for_afterwards() -> None:
    nightly = Scheduled()
    nightly.look("02-01 02:00")
    nightly.look("02-03 03:00")
    assert list(nightly.runs) == ["digits-2602010200"]
    assert "2026-02-03T02:00:00Z is not made while another goes on" in nightly.condition("Ready")["message"]
    nightly.end("digits-2602010200")
    nightly.look("02-03 04:00")
    assert list(nightly.runs) == ["digits-2602010200", "digits-2602030200"]


def test_runs_go_on_side_by_side_where_that_is_allowed() -> None:
    nightly = Scheduled(concurrencyPolicy="Allow")
    nightly.look("02-01 02:00")
    nightly.look("02-02 02:00")
    assert nightly.status["active"] == ["digits-2602010200", "digits-2602020200"]


def test_a_run_that_goes_on_is_cancelled_where_it_is_to_be_replaced() -> None:
    nightly = Scheduled(concurrencyPolicy="Replace")
    nightly.look("02-01 02:00")
    nightly.look("02-02 02:00")
    assert nightly.patched == [("digits-2602010200", {"cancel": True})]
    assert "digits-2602020200" in nightly.runs


def test_a_suspended_schedule_makes_no_runs() -> None:
    nightly = Scheduled(suspend=True)
    nightly.look("02-05 02:00")
    assert nightly.runs == {}
    assert "nextScheduleTime" not in nightly.status
    nightly.change(suspend=False)
    nightly.look("02-05 03:00")
    assert list(nightly.runs) == ["digits-2602050200"]  # as a CronJob: what it missed is made up for, once


def test_a_schedule_that_is_added_or_changed_makes_no_run_for_what_is_past() -> None:
    nightly = Scheduled()
    nightly.look("01-31 13:00")
    nightly.change(cron="0 9 * * *")
    nightly.look("01-31 14:00")
    assert nightly.runs == {}
    nightly.look("02-01 09:00")
    assert list(nightly.runs) == ["digits-2602010900"]


def test_only_as_many_finished_runs_are_kept_as_the_history_has_room_for() -> None:
    nightly = Scheduled(successfulRunsHistoryLimit=2, failedRunsHistoryLimit=1)
    for day in range(1, 9):
        nightly.look(f"02-0{day} 02:00")
        nightly.end(f"digits-26020{day}0200", reason="StepFailed" if day % 2 else "")
    nightly.look("02-08 03:00")
    assert sorted(nightly.runs) == ["digits-2602060200", "digits-2602070200", "digits-2602080200"]


def test_a_finished_run_whose_time_is_not_recorded_yet_is_kept_since_it_would_be_made_again() -> None:
    nightly = Scheduled(successfulRunsHistoryLimit=0)
    nightly.look("02-01 02:00", status=False)
    nightly.end("digits-2602010200")
    nightly.look("02-01 02:01")
    assert list(nightly.runs) == ["digits-2602010200"]
    nightly.look("02-01 02:02")
    assert nightly.runs == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"cron": "0 25 * * *"}, "spec.schedule.cron"), ({"timeZone": "Mars/Phobos"}, "no time zone 'Mars/Phobos'")],
)
def test_a_schedule_that_is_none_is_told(fields: Json, said: str) -> None:
    nightly = Scheduled(**fields)
    decision = nightly.look("02-01 02:00")
    assert (nightly.runs, decision.look_again) == ({}, None)
    assert nightly.condition("Ready")["status"] == "False"
    assert said in nightly.condition("Stalled")["message"]


def test_steps_that_wait_for_each_other_are_told_of_the_pipeline() -> None:
    nightly = Scheduled()
    nightly.pipeline["spec"]["steps"] = [script("one", "two"), script("two", "one")]
    nightly.look("02-01 02:00")
    assert "one -> two -> one" in nightly.condition("Stalled")["message"]


def test_what_is_wrong_with_a_step_or_a_schedule_s_parameter_is_told_before_anything_runs() -> None:
    nightly = Scheduled(parameters={"cuont": 3})
    nightly.look("01-31 13:00")
    assert "spec.schedule.parameters.cuont" in nightly.condition("Stalled")["message"]
    nightly.change(parameters={})
    nightly.pipeline["spec"]["steps"] = [job_step("score", processCountPerNode=0)]
    nightly.look("02-01 02:00")
    assert "step score: job.processCountPerNode" in nightly.condition("Stalled")["message"]
    assert nightly.runs == {}


def test_a_pipeline_without_a_schedule_is_ready() -> None:
    one = Scheduled()
    del one.pipeline["spec"]["schedule"]
    one.look("02-01 02:00")
    assert one.condition("Ready")["status"] == "True"
    assert one.look("02-02 02:00").actions == ()


def test_once_all_is_said_nothing_is_written_till_the_next_time() -> None:
    nightly = Scheduled()
    nightly.look("02-01 02:00")
    nightly.look("02-01 02:01")
    assert nightly.look("02-01 23:00").actions == ()


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", "03-28 12:00", "03-29 01:00"),  # 02:30 is skipped: at once when the clocks are put forward
        ("30 2 * * *", "03-29 01:00", "03-30 00:30"),
        ("30 2 * * *", "10-24 12:00", "10-25 00:30"),  # 02:30 comes twice: the first time
        ("30 2 * * *", "10-25 00:30", "10-26 01:30"),
        ("*/30 * * * *", "10-25 00:30", "10-25 01:00"),  # by the time that really passes
        ("0 2 * * *", "07-01 12:00", "07-02 00:00"),
    ],
)
def test_times_of_day_are_those_of_the_zone(cron: str, after: str, expected: str) -> None:
    assert times.following(cron, BERLIN, at(after)) == at(expected)


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/5 * * * *", "0 0 29 2 *", "30 2 * * 0", "15 3 1 */2 *"])
@pytest.mark.parametrize("zone", ["UTC", BERLIN, "America/St_Johns"])
def test_the_latest_time_is_that_which_no_other_follows(cron: str, zone: str) -> None:
    now = at("11-03 17:42")
    found = times.latest(cron, zone, now - timedelta(days=1500), now)
    assert found is not None
    assert found <= now
    assert (times.following(cron, zone, found) or now) > now
    assert times.latest(cron, zone, found, now) is None


@pytest.mark.parametrize("cron", ["@daily", "* * *", "0 2 * * * *"])
def test_only_five_fields_are_a_schedule(cron: str) -> None:
    with pytest.raises(ManifestError, match="no cron expression"):
        times.check(cron, "UTC")


def test_times_are_written_in_utc() -> None:
    assert stamp(at("02-01 02:00")) == "2026-02-01T02:00:00Z"
