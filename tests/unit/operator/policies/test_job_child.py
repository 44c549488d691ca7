"""The Job follows people's wishes, or its queue's, and goes when all is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_job
from seen import JOB_UID, a_case, a_child, a_header, a_pod, ended, later, running

from parallelrun.kube.resources import JOBS, PARALLEL_RUN_JOBS
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Create, Delete, Patch
from parallelrun_operator.job.policies.job_child import LEAVE_SECONDS, job_child, remove
from parallelrun_operator.job.policies.ttl import ttl
from parallelrun_operator.job.world import World

QUEUE = {"kueue.x-k8s.io/queue-name": "gpus"}


def queued(held: bool, **spec: Any) -> World:
    """In a queue, which holds the Job back or let it in."""
    world = replace(running(), job=a_job(nodeCount=2, labels=QUEUE, **spec))
    return replace(world, child=a_child(world, suspend=held))


@pytest.mark.parametrize("held", [True, False])
def test_a_queue_s_verdict_is_not_fought_over(held: bool) -> None:
    assert job_child(a_case(queued(held))).actions == ()


def test_a_job_in_a_queue_is_paused_by_leaving_the_queue() -> None:
    """Kueue starts an admitted Job again as soon as somebody else suspends it."""
    world = queued(False, suspend=True)
    assert job_child(a_case(world)).actions == (Delete(JOBS, world.names.base, JOB_UID),)
    assert job_child(a_case(replace(world, child=None))).actions == ()


def test_a_job_in_a_queue_is_scaled() -> None:
    world = replace(queued(False), job=a_job(nodeCount=3, labels=QUEUE))
    [patch] = job_child(a_case(world)).actions
    assert isinstance(patch, Patch)
    assert patch.patch == {"spec": {"parallelism": 3, "completions": 3}}


def test_a_suspended_job_is_made_suspended() -> None:
    [made] = job_child(a_case(running(spec={"suspend": True}, child=None))).actions
    assert isinstance(made, Create)
    assert made.obj["spec"]["suspend"] is True


@pytest.mark.parametrize(
    "fields",
    [{"spec": {"cancel": True}}, {"header": a_header(Phase.ABORTED, reason="NoProgress")}],
    ids=["cancelled", "aborted"],
)
def test_no_job_is_made_for_what_will_not_go_on(fields: dict[str, Any]) -> None:
    assert job_child(a_case(running(**fields, child=None))).actions == ()


def test_a_job_that_is_being_deleted_is_waited_for() -> None:
    world = running()
    child = ended(a_child(world))
    child["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:00Z"
    assert job_child(a_case(replace(world, child=child))).actions == ()


def test_a_job_that_failed_is_made_anew() -> None:
    world = running()
    world = replace(world, child=ended(a_child(world), "Failed"))
    assert job_child(a_case(world)).actions == (Delete(JOBS, world.names.base, JOB_UID),)


def test_agents_have_time_to_leave_before_their_job_goes() -> None:
    world = running(header=a_header(Phase.DONE))
    step = remove(a_case(world))
    assert (step.actions, step.again) == ((), LEAVE_SECONDS)
    memory = replace(world.memory, **step.remember)
    assert remove(a_case(later(world, LEAVE_SECONDS, memory=memory))).actions
    for phase in ("Succeeded", "Pending"):
        agentless = replace(world, pods=[a_pod("h0", phase=phase)])
        assert remove(a_case(agentless)).actions, phase


def test_a_job_goes_its_time_after_its_end_where_it_says_so() -> None:
    world = running(spec={"ttlSecondsAfterFinished": 60})
    assert ttl(world, None).actions == ()
    assert ttl(world, "2026-01-31T11:59:10Z").again == 10
    assert ttl(world, "2026-01-31T11:59:00Z").actions == (Delete(PARALLEL_RUN_JOBS, "mnist", world.uid),)
    assert ttl(running(), "2020-01-01T00:00:00Z").actions == ()
