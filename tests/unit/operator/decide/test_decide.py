"""What comes first, what follows from the spec, and what ends a job."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_job, a_world
from seen import a_child, a_header, ended, running

from parallelrun.kube.resources import JOBS, resource_of
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort, Apply, Create, Delete, Patch, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.world import World


def test_a_new_job_gets_its_objects_with_the_header_last_and_a_status() -> None:
    actions = decide(a_world()).actions
    made = [action.obj["metadata"]["name"] for action in actions if isinstance(action, Apply | Create)]
    assert made[-1].endswith("-header")
    assert [type(action) for action in actions[:3]] == [Apply, Apply, Apply]
    assert isinstance(actions[-1], SetStatus)
    assert actions[-1].status["phase"] == "Pending"


def test_a_job_with_a_header_gets_its_job() -> None:
    world = a_world(header=a_header(Phase.PLANNING))
    created = [action.obj for action in decide(world).actions if isinstance(action, Create)]
    assert [resource_of(obj) for obj in created][-1] is JOBS


def test_a_job_in_order_asks_for_nothing_but_its_status() -> None:
    world = in_order()
    assert decide(world).actions == ()


def in_order() -> World:
    """A job that runs, and whose status says so."""
    world = running()
    names = {("ServiceAccount", world.names.base), ("Role", world.names.base), ("RoleBinding", world.names.base)}
    world = replace(world, children=frozenset({*names, ("ConfigMap", world.names.settings)}))
    [status] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
    return replace(world, job={**world.job, "status": status})


def patches(world: World) -> list[dict[str, object]]:
    return [action.patch["spec"] for action in decide(world).actions if isinstance(action, Patch)]


def test_scaling_changes_both_counts_of_the_job_together() -> None:
    world = replace(running(nodes=2), job=a_job(nodeCount=4))
    assert patches(world) == [{"parallelism": 4, "completions": 4}]


@pytest.mark.parametrize("suspend", [True, False])
def test_the_job_is_suspended_and_resumed_as_the_spec_says(suspend: bool) -> None:
    world = running(spec={"suspend": suspend})
    world = replace(world, child=a_child(world, suspend=not suspend))
    assert patches(world) == [{"suspend": suspend}]


def test_a_cancelled_job_is_aborted() -> None:
    world = running(spec={"cancel": True})
    assert [action.reason for action in decide(world).actions if isinstance(action, Abort)] == ["Cancelled"]


def test_a_job_that_is_over_loses_its_job_and_nothing_else_happens() -> None:
    world = running(header=a_header(Phase.DONE), pods=[])
    actions = decide(world).actions
    assert [action for action in actions if isinstance(action, Delete)] == [Delete(JOBS, world.names.base, "child-1")]
    assert not [action for action in actions if isinstance(action, Abort | Patch | Create)]


def test_a_job_that_finished_before_all_was_done_is_made_anew() -> None:
    world = running()
    world = replace(world, child=ended(a_child(world)))
    assert Delete(JOBS, world.names.base, "child-1") in decide(world).actions
    created = [action.obj for action in decide(replace(world, child=None)).actions if isinstance(action, Create)]
    assert [resource_of(obj) for obj in created] == [JOBS]


def test_a_job_that_is_being_deleted_is_left_alone() -> None:
    world = running()
    job = {**world.job, "metadata": {**world.job["metadata"], "deletionTimestamp": "2026-01-31T12:00:00Z"}}
    assert decide(replace(world, job=job)).actions == ()
