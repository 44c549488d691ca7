"""Pods that are deleted, agents and workers that are killed: the output is the same bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import exit_codes, layout, pod_layout

pytestmark = pytest.mark.cluster

POISON = 37


@contextmanager
def killed_when_poisoned(cluster: Cluster, job: Job) -> Iterator[list[str]]:
    """Beside what the block does, the worker's container is killed whenever a mini-batch asks for it.

    As when memory runs out under cgroup v2. Gives the pods to which it has happened so far.
    """
    asked, deaths, over = job.folder / layout.OUTPUTS / "poison", list[str](), threading.Event()

    def kill() -> None:
        while not over.wait(0.1):
            if asked.exists():
                asked.unlink()
                pod = job.pods()[0]
                faults.signal_container(cluster, pod, pod_layout.WORKER, "KILL")
                deaths.append(pod["metadata"]["name"])

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield deaths
    finally:
        over.set()
        thread.join()


def test_jobs_outlive_their_pods(cluster: Cluster, namespace: Namespace) -> None:
    """Of one, pods are deleted and containers killed; of the other, one file takes the worker with it each time.

    That file fails, and nothing else.
    """
    limits = {"runMaxTry": 2, "errorThreshold": 1}
    poisoned = work.submit(namespace, "poisoned", mini_batches=60, words={POISON: "poison"}, nodeCount=1, **limits)
    job = work.submit(namespace, "outlives", mini_batches=300)
    with killed_when_poisoned(cluster, poisoned) as deaths:
        first, second = job.wait_pods(2)
        job.wait_completed(1)

        faults.delete_pod(cluster, first, grace_seconds=0)
        faults.signal_container(cluster, second, pod_layout.WORKER, "KILL")
        log = job.folder / layout.SYS / f"{layout.node_name(1)}.log"
        wait_for(lambda: log.read_text().count("HostUp") == 2, 30, "no other worker came to the second pod")
        faults.delete_pod(cluster, second)
        assert set(work.exits(job)) == {exit_codes.AGENT_DRAINED}

        third = job.wait_pods(1)[0]
        faults.signal_container(cluster, third, pod_layout.AGENT, "KILL")
        work.wait_whole(job, 300)

        status = work.wait_whole(poisoned, 60, failed=(POISON,))
    assert len(deaths) == 3  # with others, as a suspect; then alone, twice
    assert status["items"]["failed"] == 1
    assert [f"{POISON:04}.txt" in path for path in status["firstErrors"][0]["files"]] == [True]
