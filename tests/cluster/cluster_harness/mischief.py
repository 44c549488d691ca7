"""Faults at random, by a seed: which, on which node of the job, and after how many mini-batches.

All that is random is drawn before anything is done, so that a seed means the same whatever the cluster does meanwhile.
What comes too late (a container that has just ended) is no failure.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from cluster_harness import faults
from cluster_harness.cluster import Cluster
from cluster_harness.job import ENDINGS, Job, Json, is_ready, name_of
from cluster_harness.waiting import wait_for
from parallelrun.api import conditions, pod_layout
from parallelrun.kube.names import Names
from parallelrun.kube.resources import LEASES

#: Longer than a lease, so that its holder is shut out.
LONG_FREEZE_SECONDS = 45.0


@dataclass(frozen=True)
class Fault:
    """One thing to do to a job."""

    kind: str
    after: int  # mini-batches completed
    choice: int  # which pod, of those that run
    size: float  # how much of it, 0 to 1

    def __str__(self) -> str:
        return f"{self.kind} (after {self.after}, choice {self.choice}, size {self.size:.2f})"


def dealt(seed: str, mini_batches: int, count: int, kinds: Collection[str]) -> Iterator[list[Fault]]:
    """For one job of so many mini-batches after the other, so many faults, none in its last quarter.

    Kinds are dealt like cards: each comes before any comes again.
    """
    chance, cards = random.Random(seed), list[str]()
    while True:
        faults_of_a_job = []
        for after in sorted(chance.randint(1, mini_batches * 3 // 4) for _ in range(count)):
            cards = cards or chance.sample(list(kinds), len(kinds))
            faults_of_a_job.append(Fault(cards.pop(), after, chance.randrange(4), chance.random()))
        yield faults_of_a_job


def ended(job: Job) -> bool:
    """Whether the job is Complete or Failed."""
    return any(job.condition(kind) for kind in ENDINGS)


def inflict(cluster: Cluster, job: Job, fault: Fault, seconds: float = 240) -> str:
    """Do it when its time has come; what was done, "" where the job had ended by then."""

    def due() -> bool:
        return job.status.get("miniBatches", {}).get("completed", 0) >= fault.after and bool(running(job))

    wait_for(lambda: due() or ended(job), seconds, lambda: f"{job.name} does not get to {fault}: {job.status}")
    pods = running(job)
    if ended(job) or not pods:
        return ""
    pod = pods[fault.choice % len(pods)]
    DEEDS[fault.kind](cluster, job, pod, fault.size)
    return f"{fault} with {name_of(pod)} at hand"


def running(job: Job) -> list[Json]:
    """The job's pods whose containers all run."""
    return [pod for pod in job.pods() if is_ready(pod)]


def _for_a_while(block: AbstractContextManager[None], seconds: float) -> None:
    """How long a fault lasts is a part of it."""
    with block:
        time.sleep(seconds)


def _delete(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    faults.delete_pod(cluster, pod, grace_seconds=0 if size < 0.5 else None)


def _kill_agent(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    faults.signal_container(cluster, pod, pod_layout.AGENT, "KILL", check=False)


def _kill_worker(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    faults.signal_container(cluster, pod, pod_layout.WORKER, "KILL", check=False)


def _freeze(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    container = pod_layout.AGENT if size < 0.5 else pod_layout.WORKER
    _for_a_while(faults.frozen(cluster, pod, container, check=False), 10 * size)


def _freeze_long(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    _for_a_while(faults.frozen(cluster, pod, check=False), LONG_FREEZE_SECONDS)


def _kill_operator(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    for operator in faults.operators(cluster):
        faults.delete_pod(cluster, operator, grace_seconds=0)


def _scale(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    job.patch(nodeCount=1 + int(3.999 * size))


def _suspend(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    job.patch(suspend=True)
    paused = f"{job.name} is not Suspended"
    wait_for(lambda: job.condition(conditions.SUSPENDED) or ended(job), 90, lambda: f"{paused}: {job.status}")
    job.patch(suspend=False)


def _delete_lease(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    names, space = Names.of(job.name, job.uid), job.namespace
    number = int(size * int(job.object["spec"]["nodeCount"]))
    if space.get(LEASES, names.node(number)):
        space.api.request("DELETE", LEASES.path(space.name, names.node(number)))


def _drain(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    with faults.drained(cluster):
        pass


def _no_api_server(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    _for_a_while(faults.no_api_server(cluster), 30 * size)


def _stop_node(cluster: Cluster, job: Job, pod: Json, size: float) -> None:
    _for_a_while(faults.stopped_node(cluster), 90 * size)


DEEDS: dict[str, Callable[[Cluster, Job, Json, float], None]] = {
    "delete a pod": _delete,
    "kill an agent": _kill_agent,
    "kill a worker": _kill_worker,
    "freeze": _freeze,
    "kill the operator": _kill_operator,
    "scale": _scale,
    "suspend and resume": _suspend,
    "delete a Lease": _delete_lease,
    "drain the worker node": _drain,
    "freeze an agent past its lease": _freeze_long,
    "stop the API server": _no_api_server,
    "stop the worker node": _stop_node,
}
#: Those that hit other jobs too.
OF_THE_CLUSTER = ("kill the operator", "drain the worker node", "stop the API server", "stop the worker node")
#: Those that take a minute or two.
SLOW = ("freeze an agent past its lease", "stop the API server", "stop the worker node")
