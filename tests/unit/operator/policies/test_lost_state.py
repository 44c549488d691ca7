"""Where a part of a job's state was deleted by hand the job fails by name; where watches are late, nothing happens."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from builders import a_job, a_world
from seen import a_case, a_header, later, running

from parallelrun.kube.resources import CONFIG_MAPS
from parallelrun.leases.header import Header, Phase
from parallelrun_operator.job.actions import Abort, Action, Create, Patch, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.policies.creation import LOST_SECONDS, shards
from parallelrun_operator.job.world import World

RAN = {"phase": "Running", "conditions": []}


def without_header(**fields: object) -> World:
    return a_world(a_job(status=RAN), **fields)


def missed_for(world: World, seconds: float) -> tuple[Action, ...]:
    """What is decided when nothing changed for so long."""
    return decide(later(world, seconds, memory=decide(world).memory)).actions


def test_a_header_that_is_gone_is_replaced_by_one_that_ends_the_job() -> None:
    world = without_header()
    assert decide(world).actions == ()
    [action] = missed_for(world, LOST_SECONDS)
    assert isinstance(action, Create)
    assert action.obj["metadata"]["name"] == world.names.header
    header = Header.from_json(json.loads(action.obj["data"]["state"]))
    assert (header.phase, header.reason, header.reported) == (Phase.ABORTED, "StateLost", True)
    assert header.job_uid == world.uid
    assert f"pvc://parallelrun/team/mnist-{world.uid}" in header.message


def test_a_header_that_was_emptied_is_filled_with_one_that_ends_the_job() -> None:
    world = without_header()
    world = replace(world, children=frozenset({("ConfigMap", world.names.header)}))
    [action] = missed_for(world, LOST_SECONDS)
    assert isinstance(action, Patch)
    assert (action.resource, action.name) == (CONFIG_MAPS, world.names.header)
    assert "StateLost" in action.patch["data"]["state"]


@pytest.mark.parametrize("phase", ["", "Pending"])
def test_a_header_that_no_node_ever_used_is_made_again(phase: str) -> None:
    created = [
        action for action in decide(a_world(a_job(status={"phase": phase}))).actions if isinstance(action, Create)
    ]
    header = Header.from_json(json.loads(created[-1].obj["data"]["state"]))
    assert header.phase is Phase.PLANNING


def test_blind_watches_lose_no_header() -> None:
    world = without_header(watching=False)
    assert missed_for(world, LOST_SECONDS) == ()


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_a_job_that_ended_stays_what_it_is_without_its_header(kind: str) -> None:
    status = {"phase": "Done", "conditions": [{"type": kind, "status": "True", "reason": "Done"}]}
    world = a_world(a_job(status=status))
    assert not [action for action in missed_for(world, 60) if not isinstance(action, SetStatus)]
    [kept] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
    assert kept["conditions"] == status["conditions"]
    assert kept["observedGeneration"] == 1


@pytest.mark.parametrize("phase", [Phase.PLANNING, Phase.RUNNING])
def test_a_shard_that_is_gone_aborts_the_job(phase: Phase) -> None:
    world = running(shards={}, header=a_header(phase))
    step = shards(a_case(world))
    assert step.actions == ()
    late = later(world, LOST_SECONDS, memory=replace(world.memory, **step.remember))
    [action] = shards(a_case(late)).actions
    assert isinstance(action, Abort)
    assert action.reason == "StateLost"
    assert world.names.shard(0) in action.message


def test_a_shard_that_came_back_was_only_late() -> None:
    world = running()
    world = replace(world, memory=replace(world.memory, lost_since=1.0))
    assert shards(a_case(world)).remember == {"lost_since": None}


def test_shards_are_not_needed_once_all_is_completed() -> None:
    world = running(shards={}, header=a_header(Phase.COMMITTING))
    late = later(world, 60, memory=replace(world.memory, lost_since=1.0))
    assert shards(a_case(late)).actions == ()
