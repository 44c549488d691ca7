"""Holders are shut out for what is seen, or after a silence; never for what one does not know yet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_job
from seen import a_case, a_header, a_lease, a_pod, a_shard, later, running

from parallelrun.leases import pace
from parallelrun.leases.header import Grant
from parallelrun_operator.job.actions import Announce, Expire, Release
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.policies.expiry import STRAY_SECONDS, gone, silent
from parallelrun_operator.job.world import World

LEASE = pace.lease_seconds(2)


def watched(world: World, seconds: float) -> World:
    """After looks that far apart that no timer starts anew."""
    memory = decide(world).memory
    for _ in range(int(seconds // 10)):
        world = later(world, 10, memory=memory)
        memory = decide(world).memory
    return later(world, seconds % 10, memory=memory)


def expired(world: World) -> list[int]:
    return [action.node for action in decide(world).actions if isinstance(action, Expire)]


def test_a_lease_that_does_not_change_for_its_whole_time_is_expired() -> None:
    world = running()
    assert expired(watched(world, LEASE)) == []
    assert expired(watched(world, LEASE + 1)) == [0, 1]


def test_a_heartbeat_begins_the_time_anew() -> None:
    world = watched(running(), LEASE - 1)
    beating = replace(world, nodes={0: a_lease("h0", beat=2), 1: a_lease("h1")})
    assert expired(later(watched(beating, 0), 5)) == [1]


def test_an_expiry_is_told_of() -> None:
    actions = decide(watched(running(nodes=1), LEASE + 1)).actions
    assert "NodeExpired" in [action.reason for action in actions if isinstance(action, Announce)]


@pytest.mark.parametrize(
    "change",
    [{"memory": Memory()}, {"watching": False}],
    ids=["after a restart", "while watches were blind"],
)
def test_nobody_is_expired_by_a_process_that_saw_nothing(change: dict[str, object]) -> None:
    world = watched(running(), LEASE + 1)
    assert expired(replace(world, **change)) == []


def test_nobody_is_expired_for_a_gap_between_two_looks() -> None:
    world = watched(running(), LEASE / 2)
    assert expired(later(world, LEASE / 2 + 1)) == []


def test_nodes_that_were_scaled_away_still_beat_at_their_old_pace() -> None:
    many = {n: a_lease(f"h{n}") for n in range(4000)}
    world = replace(running(nodes=1), nodes=many, pods=[a_pod("h0")], job=a_job(nodeCount=1))
    assert a_case(world).lease_seconds == pace.lease_seconds(4000)


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_holder_whose_pod_ended_is_expired_at_once(phase: str) -> None:
    world = replace(running(), pods=[a_pod("h0", 0, phase=phase), a_pod("h1", 1)], memory=Memory())
    assert gone(a_case(world)).actions == (Expire(0, "h0"),)


def test_a_holder_whose_agent_ended_is_expired_though_its_pod_is_not_over() -> None:
    statuses = [{"name": "agent", "state": {"terminated": {"exitCode": 137}}}]
    world = replace(running(), pods=[a_pod("h0", 0, containerStatuses=statuses), a_pod("h1", 1)])
    assert gone(a_case(world)).actions == (Expire(0, "h0"),)


def test_a_holder_without_a_pod_is_expired_when_it_was_seen_twice() -> None:
    world = replace(running(), pods=[a_pod("h1", 1)])
    step = gone(a_case(world))
    assert step.actions == ()
    assert step.again is not None
    again = later(world, STRAY_SECONDS, memory=replace(world.memory, **step.remember))
    assert gone(a_case(again)).actions == (Expire(0, "h0"),)


def test_a_claim_of_a_holder_that_is_no_node_s_is_released_when_it_was_seen_twice() -> None:
    """It may have taken its node's lease a moment before its claim, and only the claim was seen."""
    world = replace(running(), shards={0: a_shard(("h0", 5), ("new", 5))}, header=a_header(grant=Grant("old", 7)))
    step = gone(a_case(world))
    assert step.actions == ()
    again = later(world, STRAY_SECONDS, memory=replace(world.memory, **step.remember))
    assert gone(a_case(again)).actions == (Release("new"), Release("old"))


def test_a_claim_that_won_after_its_holder_s_pod_ended_is_released_at_once() -> None:
    pods = [a_pod("h0", 0), a_pod("h1", 1), a_pod("dead", 1, phase="Failed")]
    world = replace(running(), shards={0: a_shard(("dead", 5))}, pods=pods)
    assert gone(a_case(world)).actions == (Release("dead"),)


def test_who_works_is_let_be() -> None:
    case = a_case(running())
    assert silent(case).actions == gone(case).actions == ()
