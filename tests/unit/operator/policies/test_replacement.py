"""A Job that would wait too long before it makes a pod is made anew, rarely."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from seen import JOB_UID, a_case, a_child, a_pod, deleted, later, running

from parallelrun.kube.resources import JOBS
from parallelrun_operator.job.actions import Delete
from parallelrun_operator.job.policies.replacement import replacement
from parallelrun_operator.job.world import World

BACK_OFF = [a_pod("dead", 0, phase="Failed"), a_pod("h1", 1)]  # index 0 waits


def deletes_after(world: World, seconds: float) -> bool:
    """Whether the Job is deleted when things are as they are for so long."""
    memory = replace(world.memory, **replacement(a_case(world)).remember)
    return bool(replacement(a_case(later(world, seconds, memory=memory))).actions)


def test_an_index_that_waits_too_long_gets_a_new_job() -> None:
    world = replace(running(), pods=BACK_OFF)
    assert not deletes_after(world, 44)
    memory = replace(world.memory, **replacement(a_case(world)).remember)
    step = replacement(a_case(later(world, 45, memory=memory)))
    assert step.actions == (Delete(JOBS, world.names.base, JOB_UID),)


def test_a_pod_that_was_deleted_by_force_is_no_pod_and_its_job_will_not_make_another() -> None:
    world = replace(running(), pods=[deleted(a_pod("h0"), 0), a_pod("h1", 1)])
    assert not deletes_after(world, 14)
    assert deletes_after(world, 15)


def suspended(world: World) -> World:
    return replace(world, child=a_child(world, suspend=True))


QUOTA = {"reason": "FailedCreate", "involvedObject": {"uid": JOB_UID}, "message": "exceeded quota"}
PATIENT: dict[str, World] = {
    "all indexes have pods": running(),
    "a pod waits for a machine": replace(running(), pods=[*BACK_OFF, a_pod("new", 0, phase="Pending", machine="")]),
    "an index never had a pod of this Job": replace(running(), pods=[a_pod("h1", 1)]),
    "the Job is suspended": suspended(replace(running(), pods=BACK_OFF)),
    "pods are refused": replace(running(), pods=BACK_OFF, warnings=[QUOTA]),
    "the index was scaled away": replace(running(nodes=1), pods=[a_pod("h0"), a_pod("dead", 1, phase="Failed")]),
}


@pytest.mark.parametrize("why", PATIENT)
def test_the_job_stays_where(why: str) -> None:
    assert not deletes_after(PATIENT[why], 600)


def test_an_operator_that_just_started_does_not_know_how_long_an_index_waited() -> None:
    assert replacement(a_case(replace(running(), pods=BACK_OFF))).actions == ()


@pytest.mark.parametrize(("times", "pause"), [(1, 120), (2, 240), (3, 480), (9, 1920)])
def test_it_is_done_more_and_more_rarely_while_it_does_not_help(times: int, pause: float) -> None:
    def waiting(since: float) -> Any:
        memory = {"absent": {0: 0.0}, "replaced": (1000.0 - since, times)}
        world = replace(running(), pods=BACK_OFF)
        return replacement(a_case(replace(world, memory=replace(world.memory, **memory))))

    assert waiting(pause - 1).actions == ()
    assert waiting(pause - 1).again == pytest.approx(1)
    assert waiting(pause).remember["replaced"] == (1000.0, times + 1)


def test_a_calm_time_is_a_new_beginning() -> None:
    world = running()
    memory = replace(world.memory, replaced=(100.0, 2))
    assert replacement(a_case(replace(world, memory=memory))).remember["replaced"] == (100.0, 0)
