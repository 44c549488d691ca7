"""From kubectl's side: what is printed, what waits, what stays when a job goes; and jobs that a queue holds back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cluster_harness import small
from cluster_harness.job import Job, name_of
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import conditions
from parallelrun.kube.names import Names
from parallelrun.kube.resources import (
    CONFIG_MAPS,
    JOBS,
    LEASES,
    PARALLEL_RUN_JOBS,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    Resource,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

Json = dict[str, Any]

CHILDREN: tuple[Resource, ...] = (CONFIG_MAPS, JOBS, LEASES, PODS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS)
QUEUE = {"kueue.x-k8s.io/queue-name": "team", "kueue.x-k8s.io/priority-class": "low", "team": "a"}
#: What every node has: pods that ask for it are placed as those that do not.
PLACE = {"kubernetes.io/os": "linux"}


@pytest.fixture(scope="module")
def jobs(shared: Namespace) -> dict[str, Job]:
    """Side by side: one that runs to its end and goes, one that waits until it is deleted, one in a queue."""
    small.files(shared)
    return {
        "brief": shared.submit(small.manifest("brief", ttlSecondsAfterFinished=600)),
        "long": shared.submit(small.manifest("long", wait=True, processCountPerNode=2)),
        "queued": shared.submit(small.manifest("queued", wait=True, labels=QUEUE)),
    }


def children(job: Job) -> list[str]:
    """Kind and name of all that was made for a job and is still there."""
    labels = f"{conditions.LABEL_JOB_UID}={job.uid}"
    return [f"{kind.kind} {one['metadata']['name']}" for kind in CHILDREN for one in job.namespace.items(kind, labels)]


def child(job: Job) -> Json:
    """The Job of a job."""
    found = job.namespace.get(JOBS, Names.of(job.name, job.uid).base)
    assert found, f"{job.name} has no Job: {job.status}"
    return found


# --- what people see --------------------------------------------------------------------------------------------------


def test_kubectl_waits_for_the_end_and_shows_it(shared: Namespace, jobs: dict[str, Job]) -> None:
    """`kubectl wait` returns when the output is there; `kubectl get` shows phase and progress."""
    shared.kubectl("wait", "--for=condition=Complete", "--timeout=120s", "prj/brief", seconds=130)
    small.assert_done(jobs["brief"], seconds=1)
    heads, values = (re.split(r"\s{2,}", line.strip()) for line in shared.kubectl("get", "prj", "brief").splitlines())
    shown = dict(zip(heads, values, strict=False))
    assert (shown["NAME"], shown["PHASE"], shown["PROGRESS"], shown["FAILED"]) == ("brief", "Done", "3/3", "0")


def test_logs_are_where_people_look_for_them(shared: Namespace, jobs: dict[str, Job]) -> None:
    """What the script prints in the worker's log, each line with its process; what the agent does in the pod's."""
    pod = name_of(jobs["long"].wait_pods(1)[0])

    def printed() -> bool:
        lines = shared.kubectl("logs", pod, "--container", "worker").splitlines()
        return all(
            any(re.fullmatch(rf"\[{process}\] {words}", line) for line in lines)
            for process in ("process000", "process001")
            for words in ("ready", r"shouting [abc]\.txt")
        )

    wait_for(printed, 60, lambda: f"not in the worker's log: {shared.logs(pod, 'worker')}")
    assert "planned 3 mini-batches" in shared.kubectl("logs", pod)


# --- what goes, and what stays ----------------------------------------------------------------------------------------


def test_a_job_that_is_deleted_while_it_runs_leaves_its_folder_and_nothing_else(jobs: dict[str, Job]) -> None:
    """All that was made for it goes with it; what it wrote is on the volume."""
    job = jobs["long"]
    job.wait_pods(1)
    folder = job.folder
    assert {name.split()[0] for name in children(job)} == {kind.kind for kind in CHILDREN}
    job.delete()
    wait_for(lambda: not children(job), 90, lambda: f"still there: {children(job)}")
    assert (folder / "job.yaml").exists()


def test_a_job_goes_its_time_after_its_end_and_its_output_stays(shared: Namespace, jobs: dict[str, Job]) -> None:
    """With all that was made for it; the time may be changed when it is over."""
    job = jobs["brief"]
    job.wait_complete()
    folder = job.folder
    job.patch(ttlSecondsAfterFinished=1)
    wait_for(lambda: not shared.get(PARALLEL_RUN_JOBS, job.name), 60, f"{job.name} is still there")
    wait_for(lambda: not children(job), 60, lambda: f"still there: {children(job)}")
    assert (folder / "parallel_run_step.txt").read_bytes() == small.OUTPUT


# --- a queue, as Kueue is one -----------------------------------------------------------------------------------------


def change(job: Job, **spec: Any) -> None:
    """Change the Job as a queue does."""
    found = child(job)
    path = JOBS.path(job.namespace.name, found["metadata"]["name"])
    job.namespace.api.request("PATCH", path, {"spec": spec})


def test_a_queue_decides_when_and_where_a_job_runs(shared: Namespace, jobs: dict[str, Job]) -> None:
    """The Job begins suspended, with the queue's labels; let in it runs; sent away it waits; let in again it ends."""
    job = jobs["queued"]
    wait_for(
        lambda: [one for one in job.status.get("conditions", []) if one["reason"] == conditions.QUEUED],
        30,
        lambda: f"{job.name} is not queued: {job.status}",
    )
    first = child(job)
    assert first["spec"]["suspend"] is True
    labels = first["metadata"]["labels"]
    assert {key: labels.get(key) for key in QUEUE} == {**QUEUE, "team": None}
    assert not job.pods()

    template = {"spec": {"nodeSelector": PLACE}}
    change(job, template=template)
    change(job, suspend=False)
    pod = job.wait_pods(1)[0]
    assert pod["spec"]["nodeSelector"] == PLACE
    job.wait_for_condition(conditions.RUNNING)

    change(job, suspend=True)
    wait_for(lambda: not job.pods(), 90, f"{job.name} still has pods")
    wait_for(
        lambda: [one for one in job.status["conditions"] if one["reason"] == conditions.QUEUED],
        30,
        lambda: f"{job.name} is not queued again: {job.status}",
    )
    assert child(job)["spec"]["suspend"] is True

    change(job, suspend=False)
    small.let_end(job)
    small.assert_done(job)
