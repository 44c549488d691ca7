"""What happens to one job's pods, and what people do to it while it runs: the output is the same bytes.

Pods are deleted, agents and workers killed; jobs are scaled, suspended, made again, lose parts of their state, and fill
their volume. Side by side, since most of their time is waiting.
"""

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

#: The mini-batch that takes the worker with it.
POISON = 37
#: What is deleted by hand must be said by then.
SAID_SECONDS = 120


def scale(job: Job, nodes: int) -> None:
    """As people do it."""
    job.namespace.kubectl("scale", f"parallelrunjob/{job.name}", f"--replicas={nodes}")


def wait_pods_left(job: Job, count: int) -> None:
    """Until no more than so many pods have not ended."""
    wait_for(lambda: len(job.pods()) <= count, 60, lambda: f"{job.name} has more than {count} pods: {job.status}")


def remove(job: Job, resource: Resource, name: str) -> None:
    """Delete an object of a job."""
    job.namespace.api.request("DELETE", resource.path(job.namespace.name, name))


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
    work.wait_whole(job, 300, 240)


def has_a_file_that_takes_the_worker_with_it(cluster: Cluster, namespace: Namespace) -> None:
    """As when memory runs out under cgroup v2: the whole container is killed. That file fails, and nothing else."""
    limits = {"runMaxTry": 2, "errorThreshold": 1}
    words = {POISON: "poison"}
    job = work.submit(namespace, "poisoned", mini_batches=60, words=words, held=False, nodeCount=1, **limits)
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


def is_scaled_suspended_and_resumed(cluster: Cluster, namespace: Namespace) -> None:
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


def is_made_again_under_its_name(cluster: Cluster, namespace: Namespace) -> None:
    """It has nothing of the first one, whose pods drain while those of the second start; each has its own folder."""
    first = work.submit(namespace, "again", mini_batches=100, seconds=0.2)  # never to be whole
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


def loses_a_part_of_its_state(cluster: Cluster, namespace: Namespace) -> None:
    """A Lease is made again; without its header or a shard a job fails as StateLost. None hangs."""
    jobs = [
        work.submit(namespace, name, mini_batches=100, seconds=0.2, nodeCount=1)
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
    work.wait_whole(leaseless, 100)


def fills_its_volume(cluster: Cluster, namespace: Namespace) -> None:
    """The job says which path has no room, and goes on when there is some."""
    with faults.small_volume(cluster, namespace.name, "small", mebibytes=16) as volume:
        claim = {"claimName": "small"}
        job = work.submit(namespace, "full", mini_batches=300, held=False, nodeCount=1, volume=claim)
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


#: The longest first.
SCENARIOS = (
    has_a_file_that_takes_the_worker_with_it,
    is_scaled_suspended_and_resumed,
    outlives_its_pods,
    fills_its_volume,
    loses_a_part_of_its_state,
    is_made_again_under_its_name,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_job(outcomes: Mapping[Callable[..., None], Future[None]], scenario: Callable[..., None]) -> None:
    """It comes to its right end, whatever it is that its scenario does to it."""
    outcomes[scenario].result()
