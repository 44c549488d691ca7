"""What people do to a job that runs: scale, suspend, make it again, delete parts of its state, fill its volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import conditions, exit_codes, layout, pod_layout
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CONFIG_MAPS, JOBS, LEASES, Resource

pytestmark = pytest.mark.cluster

#: What is deleted by hand must be said by then.
SAID_SECONDS = 30


def scale(job: Job, nodes: int) -> None:
    """As people do it."""
    job.namespace.kubectl("scale", f"parallelrunjob/{job.name}", f"--replicas={nodes}")


def wait_pods_left(job: Job, count: int) -> None:
    """Until no more than so many pods have not ended."""
    wait_for(lambda: len(job.pods()) <= count, 60, lambda: f"{job.name} has more than {count} pods: {job.status}")


def remove(job: Job, resource: Resource, name: str) -> None:
    """Delete an object of a job."""
    job.namespace.api.request("DELETE", resource.path(job.namespace.name, name))


def scaled_and_suspended(cluster: Cluster, namespace: Namespace) -> None:
    """From one node to four, to two, to none, and to the end; agents that are sent away hand their work over."""
    job = work.submit(namespace, "scaled", mini_batches=400, seconds=0.2, nodeCount=1)
    job.wait_completed(1)
    scale(job, 4)
    job.wait_pods(4)
    scale(job, 2)
    wait_pods_left(job, 2)

    job.patch(suspend=True)
    job.wait_for_condition(conditions.SUSPENDED)
    assert job.pods() == []
    completed = job.status["miniBatches"]["completed"]
    assert 0 < completed < 400
    assert work.exits(job) == [exit_codes.AGENT_DRAINED] * 4

    job.patch(suspend=False)
    work.wait_whole(job, 400)


def made_again_under_its_name(cluster: Cluster, namespace: Namespace) -> None:
    """It has nothing of the first one, whose pods drain while those of the second start; each has its own folder."""
    first = work.submit(namespace, "again", mini_batches=200)
    first.wait_completed(1)
    folder = first.folder

    first.delete()
    second = work.submit(namespace, "again", mini_batches=100, seconds=0.05)
    assert second.uid != first.uid

    work.wait_whole(second, 100)
    assert not (folder / layout.SUCCESS).exists()
    wait_for(lambda: first.pods() == [], 60, "pods of the first job are left")
    old = Names.of(first.name, first.uid)
    assert namespace.get(JOBS, old.base) is None
    assert namespace.get(CONFIG_MAPS, old.header) is None


def without_a_part_of_its_state(cluster: Cluster, namespace: Namespace) -> None:
    """A Lease is made again; without its header or a shard a job fails as StateLost. None hangs."""
    jobs = [
        work.submit(namespace, name, mini_batches=150, seconds=0.3, nodeCount=1)
        for name in ("without-lease", "without-shard", "without-header")
    ]
    for job in jobs:
        job.wait_completed(1)
    leaseless, shardless, headless = jobs

    lease = Names.of(leaseless.name, leaseless.uid).node(0)
    remove(leaseless, LEASES, lease)
    remove(shardless, CONFIG_MAPS, Names.of(shardless.name, shardless.uid).shard(0))
    remove(headless, CONFIG_MAPS, Names.of(headless.name, headless.uid).header)

    for job in (shardless, headless):
        ending = job.wait_failed(SAID_SECONDS)
        assert ending["reason"] == conditions.STATE_LOST
        assert "deleted or emptied by hand" in ending["message"]
        assert not (job.folder / layout.SUCCESS).exists()
    for job in (shardless, headless):
        wait_pods_left(job, 0)
    assert namespace.get(LEASES, lease)
    work.wait_whole(leaseless, 150)


def on_a_volume_that_fills_up(cluster: Cluster, namespace: Namespace) -> None:
    """The job says which path has no room, and goes on when there is some."""
    with faults.small_volume(cluster, namespace.name, "small", mebibytes=16) as volume:
        job = work.submit(namespace, "full", mini_batches=300, nodeCount=1, volume={"claimName": "small"})
        job.wait_completed(1)
        volume.fill()
        stalled = job.wait_for_condition(conditions.STALLED)
        assert stalled["reason"] == conditions.VOLUME_FULL
        assert f"{pod_layout.JOB}/" in stalled["message"]
        assert job.condition(conditions.RUNNING)

        volume.free()
        status = job.wait_complete()
        folder = pod_layout.job_folder(namespace.name, job.name, job.uid)
        assert volume.read(f"{folder}/parallel_run_step.txt") == work.expected(300)
        assert status["miniBatches"]["failed"] == 0
        assert job.condition(conditions.STALLED) is None


@pytest.mark.parametrize(
    "scenario",
    [scaled_and_suspended, made_again_under_its_name, without_a_part_of_its_state, on_a_volume_that_fills_up],
    ids=lambda scenario: scenario.__name__,
)
def test_a_job(outcomes: Mapping[Callable[..., None], Future[None]], scenario: Callable[..., None]) -> None:
    """All of them side by side."""
    outcomes[scenario].result()
