"""Machines that are drained, vanish or freeze: others go on, and the output is the same bytes."""

from __future__ import annotations

import pytest
from cluster_harness import faults, work
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job, name_of
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import exit_codes, pod_layout
from parallelrun.kube.names import Names
from parallelrun.kube.resources import LEASES

pytestmark = pytest.mark.cluster

#: A lease without a heartbeat stands 40 s; until a machine counts as gone it takes up to a minute.
SILENCE_SECONDS = 90


def holder(namespace: Namespace, job: Job, node: int) -> str:
    """Who holds a node's Lease; "" where nobody does."""
    lease = namespace.get(LEASES, Names.of(job.name, job.uid).node(node))
    return str((lease or {}).get("spec", {}).get("holderIdentity", ""))


def machines(job: Job) -> set[str]:
    """Where the job's living pods are."""
    return {pod["spec"].get("nodeName", "") for pod in job.pods()}


def test_a_drained_machine_hands_its_work_over(cluster: Cluster, namespace: Namespace) -> None:
    """Its agents give back what they hold; pods of the other machine go on with it."""
    with faults.cordoned(cluster, faults.CONTROL_PLANE):
        job = work.submit(namespace, "drained", mini_batches=200)
        pods = job.wait_pods(2)
        assert machines(job) == {faults.WORKER}
        job.wait_completed(1)

    with faults.drained(cluster):
        assert work.exits(job) == [exit_codes.AGENT_DRAINED] * len(pods)
        work.wait_whole(job, 200)
        assert machines(job) <= {faults.CONTROL_PLANE}


def test_the_silent_are_shut_out(cluster: Cluster, namespace: Namespace) -> None:
    """A machine vanishes with all pods of a job; of another job one pod freezes past its lease, and comes back.

    The frozen one's late results lose, and it leaves as soon as it learns that it is no longer the holder.
    """
    stays = {"kubernetes.io/hostname": faults.CONTROL_PLANE}
    freezing = work.submit(namespace, "freezing", mini_batches=100, seconds=1.0, nodeSelector=stays)
    pod, _ = freezing.wait_pods(2)
    uid = pod["metadata"]["uid"]
    with faults.cordoned(cluster, faults.CONTROL_PLANE):
        vanishing = work.submit(namespace, "vanishing", mini_batches=120, seconds=0.3)
        gone = vanishing.wait_pods(2)
        assert machines(vanishing) == {faults.WORKER}
    vanishing.wait_completed(1)

    frozen = faults.frozen(cluster, pod, pod_layout.WORKER), faults.frozen(cluster, pod, pod_layout.AGENT)
    with faults.stopped_node(cluster), frozen[0], frozen[1]:
        wait_for(lambda: holder(namespace, freezing, 0) != uid, SILENCE_SECONDS, f"{name_of(pod)} is still holder")
        before = work.index_bytes(freezing.folder, uid)
        faults.signal_container(cluster, pod, pod_layout.WORKER, "CONT")
        late = f"the worker of {name_of(pod)} wrote nothing after its lease had expired"
        wait_for(lambda: work.index_bytes(freezing.folder, uid) > before, 30, late)
        assert work.exits(freezing) == []
        faults.signal_container(cluster, pod, pod_layout.AGENT, "CONT")
        left = f"{name_of(pod)} did not leave as one that is not the holder"
        wait_for(lambda: exit_codes.AGENT_NOT_HOLDER in work.exits(freezing), 30, left)

        work.wait_whole(freezing, 100, 150)
        work.wait_whole(vanishing, 120, SILENCE_SECONDS + 60)
        assert {one["metadata"]["uid"] for one in vanishing.pods()}.isdisjoint(one["metadata"]["uid"] for one in gone)
    assert [event for event in freezing.events() if event.startswith("NodeExpired: node 0")]
