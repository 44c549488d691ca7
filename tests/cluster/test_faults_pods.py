"""Pods that are deleted, agents and workers that are killed: the output is the same bytes."""

from __future__ import annotations

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import exit_codes, layout, pod_layout

pytestmark = pytest.mark.cluster


def completed(job: Job) -> int:
    """Mini-batches that the job's status counts."""
    return int(job.status.get("miniBatches", {}).get("completed", 0))


def test_a_job_outlives_its_pods(cluster: Cluster, namespace: Namespace) -> None:
    """One is deleted by force, one normally; an agent is killed, and a worker's process 1."""
    job = work.submit(namespace, "outlives", mini_batches=500)
    first, second = job.wait_pods(2)
    job.wait_completed(1)

    faults.delete_pod(cluster, first, grace_seconds=0)
    faults.signal_container(cluster, second, pod_layout.WORKER, "KILL")
    job.wait_completed(completed(job) + 20)
    faults.delete_pod(cluster, second)
    assert set(work.exits(job)) == {exit_codes.AGENT_DRAINED}

    third = job.wait_pods(1)[0]
    before = completed(job)
    job.wait_completed(before + 5)
    faults.signal_container(cluster, third, pod_layout.AGENT, "KILL")

    work.wait_whole(job, 500)
    log = "".join(path.read_text() for path in (job.folder / layout.SYS).glob("*.log"))
    assert "HostLost" in log


def test_a_file_that_takes_the_worker_with_it_fails_alone(cluster: Cluster, namespace: Namespace) -> None:
    """As when memory runs out under cgroup v2: the whole container is killed, each time, by one file."""
    poison = 37
    job = work.submit(
        namespace, "poisoned", mini_batches=60, words={poison: "poison"}, runMaxTry=2, errorThreshold=1, nodeCount=1
    )
    pod = job.wait_pods(1)[0]
    asked = job.folder / layout.OUTPUTS / "poison"
    deaths = 0

    def over() -> bool:
        nonlocal deaths
        if asked.exists():
            asked.unlink()
            faults.signal_container(cluster, namespace.pod(pod), pod_layout.WORKER, "KILL")
            deaths += 1
        return bool(job.condition("Complete"))

    wait_for(over, 150, lambda: f"{job.name} is not Complete after {deaths} deaths: {job.status}")
    status = work.wait_whole(job, 60, failed=(poison,))
    assert status["items"]["failed"] == 1
    assert deaths == 3  # with others, as a suspect; then alone, twice
    failure = status["firstErrors"][0]
    assert f"{poison:04}.txt" in str(failure)
