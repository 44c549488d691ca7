"""Why nodes do not work is told with the object's name and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import a_job
from seen import JOB_UID, a_case, a_child, a_header, a_lease, a_pod, deleted, running

from parallelrun.leases.header import Phase
from parallelrun_operator.job.policies.diagnosis import diagnosis
from parallelrun_operator.job.world import World


def starting(*pods: dict[str, Any], **fields: Any) -> World:
    """A job of one node that nobody acts for yet."""
    world = running(nodes=1, header=a_header(Phase.PLANNING), shards={0: None}, pods=list(pods), **fields)
    return replace(world, nodes={0: None})


def waiting(container: str, reason: str, message: str = "", **status: Any) -> dict[str, Any]:
    """A pod of which a container cannot start."""
    one = {"name": container, "state": {"waiting": {"reason": reason, "message": message}}, **status}
    return a_pod("new", phase="Pending", containerStatuses=[], initContainerStatuses=[one])


def ended(container: str, reason: str, message: str, **fields: Any) -> dict[str, Any]:
    """A pod of which a container ended, to be started again."""
    terminated = {"exitCode": 128, "reason": reason, "message": message}
    one = {"name": container, "state": {"terminated": terminated}, "restartCount": fields.pop("restarts", 0)}
    return a_pod("new", **{"phase": "Pending", "containerStatuses": [], **fields}, initContainerStatuses=[one])


def warning(reason: str, message: str, uid: str) -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"uid": uid}}


SET_UP = "MountVolume.SetUp failed for volume"
PENDING = a_pod("new", phase="Pending", machine="")
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: no cpu"}
CRASHED = {"terminated": {"exitCode": 127, "message": "python3: not found"}}
DIED = [{"name": "prepare", "state": {"terminated": {"exitCode": 1, "message": "no such claim folder"}}}]
FAILED = a_pod("old", phase="Failed", initContainerStatuses=DIED, containerStatuses=[])
CASES: dict[str, tuple[World, str, list[str]]] = {
    "no room": (
        starting(a_pod("new", phase="Pending", machine="", conditions=[UNPLACED])),
        "Unschedulable",
        ["1 of 1 node waits", "mnist-0-new", "0/2 nodes: no cpu", "spec.resources"],
    ),
    "no such image": (
        starting(waiting("worker", "ImagePullBackOff", 'Back-off pulling image "nope"')),
        "ImagePullBackOff",
        ["container worker", "nope", "spec.environment.image"],
    ),
    "a malformed image": (starting(waiting("worker", "InvalidImageName", "x y")), "InvalidImageName", ["x y"]),
    "a Secret for env is missing": (
        starting(waiting("worker", "CreateContainerConfigError", 'secret "s" not found')),
        "CreateContainerConfigError",
        ['secret "s" not found', "spec.environment"],
    ),
    "the worker ends again and again": (
        starting(waiting("worker", "CrashLoopBackOff", "back-off 10s", lastState=CRASHED)),
        "CrashLoopBackOff",
        ["exit code 127: python3: not found", "-c worker"],
    ),
    "the worker cannot be started": (
        starting(ended("worker", "StartError", 'exec: "python3": executable file not found in $PATH')),
        "RunContainerError",
        ["container worker", '"python3"', "The image needs python3"],
    ),
    "the worker ends before there is an agent": (
        starting(ended("worker", "Error", "Illegal instruction")),
        "CrashLoopBackOff",
        ["exit code 128: Illegal instruction", "-c worker"],
    ),
    "a volume cannot be mounted": (
        starting(PENDING, warnings=[warning("FailedMount", "configmap not found", "new")]),
        "FailedMount",
        ["configmap not found"],
    ),
    "a Datastore's Secret is missing": (
        starting(
            PENDING, warnings=[warning("FailedMount", f'{SET_UP} "credentials-0" : secret "login" not found', "new")]
        ),
        "MissingSecret",
        ["mnist-0-new", "Secret login", "namespace team", "Create it"],
    ),
    "a claim is missing": (
        starting(PENDING, missing=["PersistentVolumeClaim data"]),
        "MissingPersistentVolumeClaim",
        ["PersistentVolumeClaim data", "namespace team", "Create it"],
    ),
    "a claim is missing, and no machine is good enough without": (
        starting(
            a_pod("new", phase="Pending", machine="", conditions=[UNPLACED]), missing=["PersistentVolumeClaim data"]
        ),
        "MissingPersistentVolumeClaim",
        ["PersistentVolumeClaim data", "Create it"],
    ),
    "a claim is missing and there is no pod": (
        starting(missing=["PersistentVolumeClaim data"]),
        "MissingPersistentVolumeClaim",
        ["PersistentVolumeClaim data"],
    ),
    "a quota": (
        starting(warnings=[warning("FailedCreate", "exceeded quota: small", JOB_UID)]),
        "FailedCreate",
        ["exceeded quota: small", "Job mnist-"],
    ),
    "an init container failed": (
        starting(FAILED),
        "PrepareFailed",
        ["mnist-0-old", "exit code 1: no such claim folder"],
    ),
    "an init container failed, and another pod tries": (
        starting(FAILED, waiting("prepare", "PodInitializing")),
        "PrepareFailed",
        ["mnist-0-old", "exit code 1: no such claim folder"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_trouble_is_told_of_by_name_where(name: str) -> None:
    world, reason, said = CASES[name]
    trouble = diagnosis(a_case(world))
    assert trouble is not None
    assert trouble.reason == reason
    assert trouble.blocking
    assert [text for text in said if text not in trouble.message] == []


AGENT_RUNS = {"phase": "Running", "containerStatuses": [{"name": "agent", "state": {"running": {}}}]}
FINE: dict[str, World] = {
    "all nodes work": running(),
    "an init container failed, and the next pod got further": starting(FAILED, a_pod("new")),
    "a worker that ran is started again": starting(ended("worker", "OOMKilled", "", restarts=1, **AGENT_RUNS)),
    "an init container came to its end": starting(ended("program", "Completed", "")),
    "a pod is on its way": starting(PENDING),
    "containers are being made": starting(waiting("worker", "PodInitializing")),
    "a pod is leaving": starting(deleted(waiting("worker", "CrashLoopBackOff"))),
    "an old warning about a pod that works": running(warnings=[warning("FailedMount", "late", "h0")]),
    "an old warning about a Job that has its pods": running(warnings=[warning("FailedCreate", "late", JOB_UID)]),
    "another Job's quota": starting(warnings=[warning("FailedCreate", "late", "another")]),
    "pods are not wanted": starting(
        child=a_child(running(), suspend=True), warnings=[warning("FailedCreate", "late", JOB_UID)]
    ),
    "an agent was told to leave": starting(
        a_pod("old", phase="Failed", containerStatuses=[{"name": "agent", "state": {"terminated": {"exitCode": 81}}}])
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_nothing_is_told_where(name: str) -> None:
    assert diagnosis(a_case(FINE[name])) is None


def test_trouble_of_some_nodes_does_not_stall_a_job_that_others_run() -> None:
    world = running(pods=[a_pod("h0", 0), waiting("worker", "ErrImagePull", "no route")])
    world.pods[1]["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = "1"
    trouble = diagnosis(a_case(replace(world, nodes={0: a_lease("h0"), 1: None})))
    assert trouble is not None
    assert (trouble.reason, trouble.blocking) == ("ErrImagePull", False)
    assert trouble.message.startswith("1 of 2 nodes waits. Node 1: pod")


def test_an_agent_that_died_once_is_replaced_and_that_is_that() -> None:
    def died(uid: str) -> dict[str, Any]:
        state = {"terminated": {"exitCode": 84, "reason": "Error"}}
        return a_pod(uid, phase="Failed", containerStatuses=[{"name": "agent", "state": state}])

    once, twice = diagnosis(a_case(starting(died("a")))), diagnosis(a_case(starting(died("a"), died("b"))))
    assert once is not None
    assert twice is not None
    assert (once.reason, once.blocking, twice.blocking) == ("AgentFailed", False, True)


def test_a_full_volume_is_what_nodes_wait_for() -> None:
    world = running(nodes=1)
    trouble = diagnosis(a_case(replace(world, nodes={0: a_lease("h0", stalled="no space left: /data")})))
    assert trouble is not None
    assert (trouble.reason, trouble.blocking) == ("VolumeFull", True)
    assert "/data" in trouble.message


def test_a_store_that_refuses_is_what_nodes_wait_for() -> None:
    world = running(nodes=1)
    paused = a_lease("h0", stalled="datastore 'mnist' refuses access: 403", stalled_on="store")
    trouble = diagnosis(a_case(replace(world, nodes={0: paused})))
    assert trouble is not None
    assert (trouble.reason, trouble.blocking) == ("StoreRefused", True)
    assert "datastore 'mnist' refuses" in trouble.message


def test_long_last_words_are_cut() -> None:
    world = starting(waiting("worker", "CrashLoopBackOff", "x" * 9000), job=a_job())
    trouble = diagnosis(a_case(world))
    assert trouble is not None
    assert len(trouble.message) < 2000
