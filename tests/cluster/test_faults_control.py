"""The operator is killed again and again, and the API server is away: jobs hardly notice."""

from __future__ import annotations

import time

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

pytestmark = pytest.mark.cluster

AWAY_SECONDS = 60


def uids(job: Job) -> set[str]:
    """Of the job's living pods."""
    return {pod["metadata"]["uid"] for pod in job.pods()}


def test_operators_are_killed_in_a_loop(cluster: Cluster, namespace: Namespace) -> None:
    """A job runs under operators that live for seconds; then a leader is killed, and the other replica takes over."""
    job = work.submit(namespace, "orphan", mini_batches=400, seconds=0.2)
    for _ in range(4):
        pod = wait_for(lambda: next(iter(faults.operators(cluster)), None), 60, "no operator is ready")
        faults.delete_pod(cluster, pod, grace_seconds=0)

    with faults.replicas(cluster, 2):
        first = wait_for(lambda: faults.leader(cluster), 60, "no operator leads")
        job.wait_completed(1)
        pods = uids(job)
        faults.delete_pod(cluster, first, grace_seconds=0)
        second = wait_for(lambda: faults.leader(cluster), 60, "no operator took over the lead")
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        assert uids(job) == pods
        work.wait_whole(job, 400)
    assert [event for event in job.events() if event.startswith("NodeExpired")] == []


def test_the_api_server_is_away_for_a_minute(cluster: Cluster, namespace: Namespace) -> None:
    """Mini-batches go on being run, nobody is shut out for the silence, and the end comes when it is back."""
    job = work.submit(namespace, "unheard", mini_batches=160, seconds=0.5)
    job.wait_pods(2)
    job.wait_completed(20)
    pods, folder = uids(job), job.folder
    holders = sorted(pods)

    def written() -> int:
        return sum(work.index_bytes(folder, uid) for uid in holders)

    with faults.no_api_server(cluster):
        until, before = time.monotonic() + AWAY_SECONDS, written()
        wait_for(lambda: written() > before, AWAY_SECONDS, "no mini-batch is run while the API server is away")
        wait_for(lambda: time.monotonic() > until, AWAY_SECONDS + 1, "time stands still")

    work.wait_whole(job, 160, 180)
    assert [event for event in job.events() if event.startswith("NodeExpired")] == []
    assert work.exits(job) == [0, 0]
