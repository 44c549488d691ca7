"""Status says what the header says, in the form that the CRD has, and keeps what cannot be known any more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import CLOCK, a_job, a_world
from seen import a_case, a_child, a_header, a_lease, a_pod, a_shard, later, running

from parallelrun.api.models.status import ParallelRunJobStatus
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Header, Phase
from parallelrun_operator.job.actions import SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.policies.diagnosis import Trouble, diagnosis
from parallelrun_operator.job.status.compose import status_of
from parallelrun_operator.job.world import World

Json = dict[str, Any]
RESULT = {
    "miniBatches": {"total": 100, "completed": 100, "failed": 2, "retried": 3},
    "items": {"total": 1000, "succeeded": 980, "failed": 20},
    "output": {"path": "/parallelrun/job/out.txt", "rows": 980, "bytes": 9800, "sha256": "a" * 64},
    "completionTime": "2026-01-31T11:59:59Z",
}
DONE = a_header(Phase.DONE, reported=True, result=RESULT)
FAILED = a_header(Phase.ABORTED, reason="NoProgress", message="nothing\nhappened", reported=True)


def status(world: World, **case: Any) -> Json:
    case = {"trouble": None, "samples": (), **case}
    found = status_of(a_case(world), **case)
    check(found)
    return found


def check(found: Json) -> None:
    """Raises ValidationError where the API server would cut or refuse it."""
    ParallelRunJobStatus.model_validate_json(json.dumps(found), by_alias=True, by_name=False)


def true(found: Json) -> list[str]:
    return [one["type"] for one in found["conditions"] if one["status"] == "True"]


def condition(found: Json, kind: str) -> Json:
    return next(one for one in found["conditions"] if one["type"] == kind)


def planning(**fields: Any) -> World:
    """Of which no node ever took its lease."""
    world = running(header=a_header(Phase.PLANNING), shards={0: None}, pods=[], **fields)
    return replace(world, nodes={0: None, 1: None})


SUSPENDED = running(spec={"suspend": True})
PHASES: dict[str, tuple[World, str, list[str]]] = {
    "new": (planning(), "Pending", []),
    "planning": (running(header=a_header(Phase.PLANNING)), "Planning", ["Running"]),
    "running": (running(), "Running", ["Running"]),
    "finalizing": (running(header=a_header(Phase.FINALIZING)), "Finalizing", ["Running"]),
    "committing": (running(header=a_header(Phase.COMMITTING)), "Committing", ["Running"]),
    "suspending": (SUSPENDED, "Running", ["Running"]),
    "suspended": (replace(SUSPENDED, nodes={0: a_lease(""), 1: None}), "Suspended", ["Suspended"]),
    "made suspended": (planning(spec={"suspend": True}), "Suspended", ["Suspended"]),
    "aborting": (running(header=a_header(Phase.ABORTED, reason="NoProgress")), "Aborted", ["Running"]),
    "failed": (running(header=FAILED), "Aborted", ["Failed", "Stalled"]),
    "done": (running(header=DONE), "Done", ["Complete"]),
    "done while suspended": (running(header=DONE, spec={"suspend": True}), "Done", ["Complete"]),
}


def test_that_packages_are_installed_is_told() -> None:
    """It takes minutes, in which no node works."""
    installs = {"name": "environment", "state": {"running": {}}}
    pods = [a_pod("h0", phase="Pending", initContainerStatuses=[installs])]
    found = status(replace(planning(), pods=tuple(pods)))
    assert condition(found, "Running")["reason"] == "InstallingPackages"
    assert "installing packages" in condition(found, "Running")["message"]


@pytest.mark.parametrize("name", PHASES)
def test_phase_and_conditions_of_a_job_that_is(name: str) -> None:
    world, phase, conditions = PHASES[name]
    found = status(world)
    assert (found["phase"], true(found)) == (phase, conditions)


def test_a_failure_has_the_header_s_words() -> None:
    failed = condition(status(running(header=FAILED)), "Failed")
    assert (failed["reason"], failed["message"]) == ("NoProgress", "nothing\nhappened")


def test_conditions_are_about_the_spec_s_generation() -> None:
    job = a_job(nodeCount=2)
    job["metadata"]["generation"] = 7
    found = status(replace(running(), job=job))
    assert found["observedGeneration"] == condition(found, "Running")["observedGeneration"] == 7


def then(world: World, seconds: float, header: Header | None = None) -> World:
    """``world`` with the status it gets, so many seconds later."""
    job = {**world.job, "status": status(world)}
    clock = CLOCK.replace(second=int(seconds))
    return replace(later(world, seconds), job=job, clock=clock, header=header or world.header)


def test_a_transition_s_time_is_kept_while_the_condition_is_unchanged() -> None:
    world = running()
    assert condition(status(then(world, 5)), "Running")["lastTransitionTime"] == "2026-01-31T12:00:00Z"
    found = status(then(world, 5, DONE))
    assert condition(found, "Running")["status"] == "False"
    assert condition(found, "Running")["lastTransitionTime"] == "2026-01-31T12:00:05Z"


def test_a_condition_that_held_stays_as_false() -> None:
    trouble = Trouble("ErrImagePull", "no route", True)
    world = running()
    stalled = status(world, trouble=trouble)
    assert true(stalled) == ["Running", "Stalled"]
    mended = status(replace(world, job={**world.job, "status": stalled}))
    assert condition(mended, "Stalled")["status"] == "False"


def test_trouble_of_some_nodes_is_told_beside_running_alone() -> None:
    found = status(running(), trouble=Trouble("ErrImagePull", "no route", False))
    assert true(found) == ["Running"]
    assert condition(found, "Running")["reason"] == "ErrImagePull"


def test_a_job_in_a_queue_says_so() -> None:
    world = planning()
    world = replace(world, job=a_job(nodeCount=2, labels={"kueue.x-k8s.io/queue-name": "gpus"}))
    waits = condition(status(replace(world, child=a_child(world))), "Running")
    assert (waits["status"], waits["reason"]) == ("False", "Queued")
    assert "gpus" in waits["message"]


def test_a_job_that_a_queue_sent_away_again_says_so() -> None:
    world = replace(running(), job=a_job(nodeCount=2, labels={"kueue.x-k8s.io/queue-name": "gpus"}))
    world = replace(world, child=a_child(world, suspend=True))
    leaving = condition(status(world), "Running")
    assert (leaving["status"], leaving["reason"]) == ("True", "Running")
    gone = condition(status(replace(world, nodes={0: a_lease(""), 1: a_lease("")}, pods=[])), "Running")
    assert (gone["status"], gone["reason"]) == ("False", "Queued")


def test_counts_come_from_shards_and_heartbeats() -> None:
    shard = replace(a_shard(), counts=Counts(40, 2, 3, 380, 20))
    found = status(running(shards={0: shard}))
    assert found["progress"] == "40/100"
    assert found["miniBatches"] == {"total": 100, "completed": 40, "failed": 2, "retried": 3}
    assert found["items"] == {"succeeded": 380, "failed": 20}


def test_nothing_is_said_of_a_total_before_it_is_planned() -> None:
    found = status(planning())
    assert "progress" not in found
    assert "total" not in found["miniBatches"]


def test_final_counts_and_output_are_the_finalizer_s() -> None:
    world = running(header=DONE)
    found = status(world)
    assert found["miniBatches"] == RESULT["miniBatches"]
    assert found["items"]["total"] == 1000
    assert found["output"]["path"] == f"pvc://parallelrun/team/mnist-{world.uid}/out.txt"
    assert found["completionTime"] == "2026-01-31T11:59:59Z"
    assert "2 of them failed" in condition(found, "Complete")["message"]


def test_an_output_with_a_path_of_its_own_is_told_as_its_claim() -> None:
    output = {"path": "/parallelrun/claims/results/mnist", "rows": 1, "bytes": 2, "sha256": ""}
    header = replace(DONE, result={**RESULT, "output": output})
    assert status(running(header=header))["output"]["path"] == "pvc://results/mnist"


def test_times_once_set_are_kept() -> None:
    world = running()
    assert status(world)["startTime"] == "2026-01-31T12:00:00Z"
    assert status(then(world, 9))["startTime"] == "2026-01-31T12:00:00Z"
    over = then(world, 9, replace(FAILED))
    assert status(over)["completionTime"] == "2026-01-31T12:00:09Z"
    assert status(then(over, 30))["completionTime"] == "2026-01-31T12:00:09Z"
    assert "startTime" not in status(planning())


def test_nodes_are_those_wanted_and_those_with_a_lease() -> None:
    assert status(running())["nodes"] == {"wanted": 2, "running": 2}
    assert status(replace(SUSPENDED, nodes={0: a_lease("")}))["nodes"] == {"wanted": 0, "running": 0}


def test_what_the_image_was_is_kept_when_the_pods_are_gone() -> None:
    workers = [{"name": "worker", "state": {"running": {}}, "imageID": "python@sha256:1"}]
    world = running(pods=[a_pod("h0", initContainerStatuses=workers)])
    resolved = {"claim": "parallelrun", "image": "python@sha256:1"}
    assert status(world)["resolved"] == resolved
    assert status(replace(then(world, 1), pods=[]))["resolved"] == resolved


def test_the_scale_subresource_finds_the_pods() -> None:
    world = running()
    assert status(world)["selector"] == f"parallelrun.dev/job-uid={world.uid}"


def test_every_status_that_is_written_is_as_the_crd_has_it() -> None:
    worlds = [a_world(), *(world for world, _, _ in PHASES.values())]
    for world in worlds:
        [written] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
        check(written)


def test_what_people_see_first_is_why_it_does_not_start() -> None:
    world = planning(missing=["ConfigMap mnist-code"])
    found = status(world, trouble=diagnosis(a_case(world)))
    assert true(found) == ["Stalled"]
    assert condition(found, "Running")["reason"] == condition(found, "Stalled")["reason"] == "MissingConfigMap"
