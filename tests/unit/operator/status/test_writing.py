"""Status is written when something changed, mere progress rarely; Events stand beside what they tell of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from seen import a_header, a_lease, a_pod, a_shard, later, running

from parallelrun.api.models.status import ParallelRunJobStatus
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Announce, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.world import World


def written(world: World) -> list[dict[str, Any]]:
    return [action.status for action in decide(world).actions if isinstance(action, SetStatus)]


def announced(world: World) -> list[str]:
    return [action.reason for action in decide(world).actions if isinstance(action, Announce)]


def stored(status: dict[str, Any]) -> dict[str, Any]:
    """``status`` as the API server gives it back, with the defaults of its definition."""
    model = ParallelRunJobStatus.model_validate_json(json.dumps(status))
    return dict(model.model_dump(mode="json", by_alias=True, exclude_none=True))


def settled(world: World) -> World:
    """``world`` a second after its status was written."""
    decision = decide(world)
    [status] = written(world)
    return later(world, 1, job={**world.job, "status": stored(status)}, memory=decision.memory)


def progressed(world: World, completed: int = 10) -> World:
    return replace(world, shards={0: replace(a_shard(("h0", 5), ("h1", 5)), counts=Counts(completed))})


def test_what_is_there_is_not_written_again() -> None:
    world = settled(running())
    assert written(world) == []
    assert written(replace(world, memory=Memory())) == []


def test_what_the_definition_adds_is_no_change() -> None:
    """Such as the empty list of data sets beside the image that the first pod tells of."""
    worker = {"name": "worker", "state": {"running": {}}, "imageID": "sha256:abc"}
    world = settled(running(pods=[a_pod("h0", initContainerStatuses=[worker]), a_pod("h1", 1)]))
    resolved = world.job["status"]["resolved"]
    told = {"claim": "parallelrun", "image": "sha256:abc"}
    assert resolved == told | {"models": {}, "datasets": {}, "environment": "", "computeTarget": ""}
    assert written(world) == []
    assert written(progressed(world)) == []


def test_mere_progress_is_written_every_ten_seconds() -> None:
    world = progressed(settled(running()))
    decision = decide(world)
    assert written(world) == []
    assert decision.look_again == pytest.approx(9)
    assert [status["progress"] for status in written(later(world, 9))] == ["10/100"]


def test_a_new_phase_is_written_at_once_with_all_the_rest() -> None:
    world = progressed(settled(running()), 100)
    [status] = written(replace(world, header=a_header(Phase.FINALIZING)))
    assert (status["phase"], status["progress"]) == ("Finalizing", "100/100")


def test_progress_is_not_lost_by_a_restart() -> None:
    assert written(replace(progressed(settled(running())), memory=Memory()))


PLANNING = a_header(Phase.PLANNING)
TRANSITIONS: dict[str, tuple[World, dict[str, Any], list[str]]] = {
    "a plan": (running(header=PLANNING), {"header": a_header()}, ["Planned", "Running"]),
    "the end": (running(), {"header": a_header(Phase.DONE)}, ["Complete"]),
    "a failure": (running(), {"header": a_header(Phase.ABORTED, reason="NoProgress", reported=True)}, ["Failed"]),
    "no room": (running(), {"nodes": {0: a_lease("h0", stalled="no space left"), 1: a_lease("h1")}}, ["Stalled"]),
    "nothing": (running(), {}, []),
}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_events_tell_of(name: str) -> None:
    world, change, reasons = TRANSITIONS[name]
    assert announced(replace(settled(world), **change)) == reasons


def test_a_pause_and_its_end_are_told_of() -> None:
    world = settled(running(spec={"suspend": True}))
    paused = replace(world, nodes={0: a_lease(""), 1: a_lease("")})
    assert announced(paused) == ["Suspended"]
    again = settled(paused)
    resumed = {**again.job, "spec": {**again.job["spec"], "suspend": False}}
    assert announced(replace(again, job=resumed)) == ["Resumed"]


def test_events_come_after_the_status_that_records_what_they_tell() -> None:
    actions = decide(replace(settled(running()), header=a_header(Phase.DONE))).actions
    kinds = [type(action) for action in actions]
    assert kinds.index(SetStatus) < kinds.index(Announce)


def test_what_the_status_says_is_not_told_again_after_a_restart() -> None:
    world = settled(replace(settled(running()), header=a_header(Phase.DONE)))
    assert announced(replace(world, memory=Memory())) == []
