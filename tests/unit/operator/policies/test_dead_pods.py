"""Pods that only seem to run are removed, so that their index gets another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from seen import a_case, a_lease, a_pod, deleted, later, running

from parallelrun.kube.resources import PODS
from parallelrun_operator.job.actions import Delete
from parallelrun_operator.job.policies.dead_pods import dead_pods
from parallelrun_operator.job.world import World

LOST = {0: a_lease(""), 1: a_lease("h1")}  # h0's lease expired
BY_FORCE = Delete(PODS, "mnist-0-h0", "h0", 0)


def with_pod(pod: dict[str, Any], **fields: Any) -> World:
    return replace(running(), pods=[pod, a_pod("h1", 1, machine="m2")], **fields)


@pytest.mark.parametrize("machines", [{"m1": False, "m2": True}, {"m2": True}], ids=["not Ready", "gone"])
def test_a_pod_without_a_lease_on_a_dead_machine_is_deleted_by_force(machines: dict[str, bool]) -> None:
    world = with_pod(a_pod("h0"), nodes=LOST, machines=machines)
    assert dead_pods(a_case(world)).actions == (BY_FORCE,)


def test_a_pod_that_was_told_to_leave_a_dead_machine_is_deleted_by_force() -> None:
    world = with_pod(deleted(a_pod("h0", phase="Pending")), nodes=LOST, machines={"m1": False, "m2": True})
    assert dead_pods(a_case(world)).actions == (BY_FORCE,)


ALONE = {
    "it still has its lease": with_pod(a_pod("h0"), machines={"m1": False, "m2": True}),
    "it was deleted by force already": with_pod(deleted(a_pod("h0"), 0), nodes=LOST, machines={"m2": True}),
    "it has not begun": with_pod(a_pod("h0", phase="Pending"), nodes=LOST, machines={"m1": False, "m2": True}),
    "it ended": with_pod(a_pod("h0", phase="Failed"), nodes=LOST, machines={"m2": True}),
    "its machine is Ready and it is draining": with_pod(deleted(a_pod("h0")), nodes=LOST),
    "nothing is known of machines": with_pod(a_pod("h0"), nodes=LOST, machines={}),
    "watches are blind": with_pod(a_pod("h0"), nodes=LOST, machines={"m2": True}, watching=False),
}


@pytest.mark.parametrize("why", ALONE)
def test_a_pod_is_let_be_where(why: str) -> None:
    assert dead_pods(a_case(ALONE[why])).actions == ()


def test_a_frozen_agent_s_pod_is_deleted_as_usual_after_one_more_lease_time() -> None:
    world = with_pod(a_pod("h0"), nodes=LOST)
    step = dead_pods(a_case(world))
    assert step.actions == ()
    memory = replace(world.memory, **step.remember)
    case = a_case(later(world, 41, memory=memory))
    assert dead_pods(case).actions == (Delete(PODS, "mnist-0-h0", "h0", None),)
