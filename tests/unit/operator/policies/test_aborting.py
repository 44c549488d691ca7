"""What aborts a job, and how an aborted job comes to be over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_job
from seen import PLAN, a_case, a_child, a_header, a_lease, a_pod, a_shard, later, running

from parallelrun.api.errors import ManifestError
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort, Create, MarkReported, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.policies import manifest
from parallelrun_operator.job.policies.init_failures import init_failures
from parallelrun_operator.job.policies.patience import patience
from parallelrun_operator.job.policies.reporting import reporting
from parallelrun_operator.job.policies.thresholds import thresholds
from parallelrun_operator.job.world import World


def reasons(step: Any) -> list[str]:
    return [action.reason for action in step.actions if isinstance(action, Abort)]


def counted(counts: Counts, **spec: Any) -> World:
    world = running(spec=spec)
    return replace(world, shards={0: replace(a_shard(), counts=counts)})


THRESHOLDS: dict[str, tuple[World, list[str]]] = {
    "as many as tolerated": (counted(Counts(failed=2, items_failed=5), errorThreshold=5), []),
    "one item more": (counted(Counts(items_failed=6), errorThreshold=5), ["ErrorThresholdExceeded"]),
    "mini-batches": (
        counted(Counts(failed=2), errorThreshold=-1, miniBatchErrorThreshold=1),
        ["MiniBatchErrorThresholdExceeded"],
    ),
    "percent": (
        counted(Counts(failed=11), errorThreshold=-1, allowedFailedPercent=10),
        ["AllowedFailedPercentExceeded"],
    ),
    "too late": (replace(counted(Counts(items_failed=6)), header=a_header(Phase.COMMITTING)), []),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_thresholds(name: str) -> None:
    world, wanted = THRESHOLDS[name]
    assert reasons(thresholds(a_case(world))) == wanted


def test_what_heartbeats_tell_counts_for_thresholds() -> None:
    shard = a_shard(("h0", 5))
    [lease] = shard.leases
    beat = a_lease("h0", leases=[[lease.start, lease.epoch, 1, 1, 0, 0, 10]])
    world = running(nodes=1, shards={0: shard})
    assert reasons(thresholds(a_case(replace(world, nodes={0: beat})))) == ["ErrorThresholdExceeded"]


def failing(*failures: int) -> World:
    """Each node with so many failures of init()."""
    error = "ModuleNotFoundError: x"
    leases = {n: a_lease(f"h{n}", init_failures=count, first_error=error) for n, count in enumerate(failures)}
    return replace(running(nodes=len(failures)), nodes=leases)


def test_init_that_fails_three_times_on_a_node_aborts_with_the_traceback() -> None:
    [action] = init_failures(a_case(failing(3, 0))).actions
    assert isinstance(action, Abort)
    assert action.reason == "InitFailed"
    assert "ModuleNotFoundError: x" in action.message


def test_failures_of_all_nodes_count_together_after_two_minutes() -> None:
    world = failing(2, 2)
    step = init_failures(a_case(world))
    assert (step.actions, step.again) == ((), 120)
    late = later(world, 120, memory=replace(world.memory, **step.remember))
    assert reasons(init_failures(a_case(late))) == ["InitFailed"]


def test_a_manifest_that_is_refused_never_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running(header=None, child=None)
    refuse(monkeypatch)
    [action] = [action for action in decide(world).actions if isinstance(action, SetStatus | Create)]
    assert isinstance(action, SetStatus)
    told = {one["type"]: (one["status"], one["reason"], one["message"]) for one in action.status["conditions"]}
    assert told["Failed"] == told["Stalled"] == ("True", "ManifestError", "spec.x: no\nSay yes.")
    assert action.status["completionTime"]


def test_a_manifest_that_a_newer_operator_refuses_aborts_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running()
    refuse(monkeypatch)
    aborts = [action for action in decide(world).actions if isinstance(action, Abort)]
    assert aborts == [Abort("ManifestError", "spec.x: no\nSay yes.")]


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object) -> None:
        raise ManifestError("spec.x: no", "Say yes.")

    monkeypatch.setattr(manifest, "resolve", resolve)


def impatient(world: World, seconds: float) -> list[str]:
    """Why a job is aborted in which nothing happens for so long."""
    memory = replace(world.memory, **patience(a_case(world)).remember)
    return reasons(patience(a_case(later(world, seconds, memory=memory))))


LIMITS = {"advanced": {"firstTaskCreationTimeoutSeconds": 300, "progressUpdateTimeoutSeconds": 60}}
PAUSES: dict[str, dict[str, Any]] = {
    "suspended": {"job": a_job(suspend=True, **LIMITS)},
    "no node has a lease": {"nodes": {0: a_lease(""), 1: None}},
    "a volume is full": {"nodes": {0: a_lease("h0", stalled="no space left: /data")}},
}


def test_a_job_that_gets_nowhere_is_given_up() -> None:
    assert impatient(running(spec=LIMITS), 60) == []
    assert impatient(running(spec=LIMITS), 61) == ["NoProgress"]


def test_planning_has_its_own_limit() -> None:
    planning = running(spec=LIMITS, header=a_header(Phase.PLANNING))
    assert impatient(planning, 300) == []
    assert impatient(planning, 301) == ["PlanningFailed"]


@pytest.mark.parametrize("why", PAUSES)
@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.RUNNING])
def test_time_does_not_count_while(why: str, phase: Phase) -> None:
    world = running(spec=LIMITS, header=a_header(phase))
    assert impatient(replace(world, **PAUSES[why]), 5000) == []


def aborted(**fields: Any) -> World:
    return running(
        header=a_header(Phase.ABORTED, reason="Cancelled", message="m", **fields.pop("header", {})), **fields
    )


GONE: dict[str, Any] = {"pods": [a_pod("h0", 0, phase="Failed")]}
WAITING: dict[str, Any] = {"pods": [a_pod("h0", 0, phase="Pending")]}
REPORTING: dict[str, tuple[World, float]] = {
    "agents are there": (aborted(), 600),
    "pods may come": (aborted(**GONE), 60),
    "pods are there, and none has an agent yet": (aborted(**WAITING), 60),
    "nothing was planned": (aborted(header={"plan": None}, **GONE), 3),
    "nothing was planned, and pods wait for an image": (aborted(header={"plan": None}, **WAITING), 3),
    "nothing was planned, and an agent is there": (aborted(header={"plan": None}), 600),
    "the Job is suspended": (aborted(child=a_child(running(), suspend=True), **GONE), 3),
    "there is no Job": (aborted(child=None, **GONE), 3),
}


@pytest.mark.parametrize("name", REPORTING)
def test_reports_are_waited_for_only_so_long_where(name: str) -> None:
    world, seconds = REPORTING[name]
    first = reporting(a_case(world))
    assert first.actions == ()
    assert first.again == seconds
    memory = replace(world.memory, **first.remember)
    assert reporting(a_case(later(world, seconds - 1, memory=memory))).actions == ()
    assert reporting(a_case(later(world, seconds, memory=memory))).actions == (MarkReported(),)


def test_what_was_reported_is_not_reported_again() -> None:
    world = aborted(header={"reported": True}, child=None)
    assert MarkReported() not in decide(later(world, 700, memory=replace(world.memory, aborted_since=1.0))).actions


@pytest.mark.parametrize("phase", [Phase.COMMITTING, Phase.ABORTED, Phase.DONE])
def test_it_can_be_too_late_to_cancel(phase: Phase) -> None:
    world = running(spec={"cancel": True}, header=a_header(phase, plan=PLAN))
    assert [action for action in decide(world).actions if isinstance(action, Abort)] == []
