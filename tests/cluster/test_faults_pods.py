"""Pods that are deleted, agents and workers that are killed: the output is the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import conditions, exit_codes, layout, pod_layout

pytestmark = pytest.mark.cluster

POISON = 37


def outlives_its_pods(cluster: Cluster, namespace: Namespace) -> None:
    """They are deleted, by force and normally; a worker's container and an agent are killed."""
    job = work.submit(namespace, "outlives", mini_batches=300)
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


def has_a_file_that_takes_the_worker_with_it(cluster: Cluster, namespace: Namespace) -> None:
    """As when memory runs out under cgroup v2: the whole container is killed. That file fails, and nothing else."""
    limits = {"runMaxTry": 2, "errorThreshold": 1}
    job = work.submit(namespace, "poisoned", mini_batches=60, words={POISON: "poison"}, nodeCount=1, **limits)
    asked, deaths = job.folder / layout.OUTPUTS / "poison", 0

    def over() -> bool:
        nonlocal deaths
        if asked.exists() and faults.starts(pod := job.pods()[0], pod_layout.WORKER) > deaths:
            asked.unlink()
            faults.signal_container(cluster, pod, pod_layout.WORKER, "KILL")
            deaths += 1
        return job.condition(conditions.COMPLETE) is not None

    wait_for(over, 200, lambda: f"{job.name} is not Complete after {deaths} deaths: {job.status}")
    status = work.wait_whole(job, 60, failed=(POISON,))
    assert deaths == 3  # with others, as a suspect; then alone, twice
    assert status["items"]["failed"] == 1
    assert [f"{POISON:04}.txt" in path for path in status["firstErrors"][0]["files"]] == [True]


@pytest.mark.parametrize(
    "scenario", [outlives_its_pods, has_a_file_that_takes_the_worker_with_it], ids=lambda scenario: scenario.__name__
)
def test_a_job(outcomes: Mapping[Callable[..., None], Future[None]], scenario: Callable[..., None]) -> None:
    """All of them side by side."""
    outcomes[scenario].result()
