"""Jobs that wait for something: which, and what to do, is told within half a minute; mended, they go on to their end.

All of them wait side by side in one namespace, since most of the time nothing happens.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cluster_harness import small
from cluster_harness.cluster import Cluster
from cluster_harness.faults import CTR
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import conditions
from parallelrun.kube.resources import PODS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

Json = dict[str, Any]

SOON_SECONDS = 30.0
#: What is not in the cluster at first, and belongs to no namespace: a label of a node, an image.
MARK = secrets.token_hex(3)
LABEL, IMAGE = f"test.parallelrun.dev/{MARK}", f"parallelrun/late:{MARK}"
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}


@dataclass
class Wait:
    """One job that cannot go on as it was applied; ``mend`` is None where only cancelling it helps."""

    name: str
    reason: str  # of the condition Stalled
    says: tuple[str, ...]  # all of it in its message
    mend: Callable[[Namespace], object] | None
    spec: Json = field(default_factory=dict)


def load_image(namespace: Namespace) -> None:
    cluster = namespace.cluster
    for node in cluster.nodes:
        runner = f"docker.io/parallelrun/runner:{cluster.version}"
        cluster.on_node(node, *CTR, "images", "tag", runner, f"docker.io/{IMAGE}")


WAITS = [
    Wait(
        "no-claim",
        "MissingPersistentVolumeClaim",
        ("PersistentVolumeClaim late", "Create it"),
        lambda namespace: namespace.claim("late"),
        {"volume": {"claimName": "late"}},
    ),
    Wait(
        "no-source",
        "MissingConfigMap",
        ("ConfigMap late-code", "Create it"),
        lambda namespace: namespace.config_map("late-code", {"shout.py": small.SCRIPT}),
        {"source": {"configMap": {"name": "late-code"}}},
    ),
    Wait(
        "no-machine",
        "Unschedulable",
        ("node affinity/selector", "spec.nodeSelector"),
        lambda namespace: namespace.cluster.kubectl("label", "node", namespace.cluster.nodes[0], f"{LABEL}=yes"),
        {"nodeSelector": {LABEL: "yes"}},
    ),
    Wait(
        "no-account",
        "FailedCreate",
        ('serviceaccount "mine" not found',),
        lambda namespace: namespace.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine"}}),
        {"serviceAccountName": "mine"},
    ),
    Wait(
        "no-image",
        "ErrImagePull|ImagePullBackOff",
        (IMAGE, "container worker", "spec.environment.image"),
        load_image,
        {"environment": {"image": IMAGE}},
    ),
    Wait(
        "no-room",
        "FailedCreate",
        ("exceeded quota: none", "quota"),
        lambda namespace: namespace.kubectl("delete", "resourcequota", "none"),
    ),
    Wait(
        "no-python",
        "RunContainerError|CrashLoopBackOff",
        ("container worker", "python3"),
        None,
        {"environment": {"image": "$KUBE_PROXY"}},
    ),
]


@pytest.fixture(scope="module")
def waiting(cluster: Cluster, shared: Namespace) -> Iterator[dict[str, Job]]:
    """All jobs that wait, by name, since the same moment; the one for a quota in a namespace of its own."""
    crowded = Namespace(cluster, f"{shared.name}-crowded")
    crowded.create()
    crowded.apply(QUOTA)
    jobs = {}
    proxy = cluster.api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy") or {}
    without_python = proxy["spec"]["template"]["spec"]["containers"][0]["image"]
    for wait in WAITS:
        namespace = crowded if wait.name == "no-room" else shared
        small.files(namespace)
        manifest = json.dumps(small.manifest(wait.name, **wait.spec)).replace("$KUBE_PROXY", without_python)
        jobs[wait.name] = namespace.submit(manifest)
    yield jobs
    crowded.remove()
    for node in cluster.nodes:
        cluster.kubectl("label", "node", node, f"{LABEL}-")
        cluster.on_node(node, *CTR, "images", "rm", f"docker.io/{IMAGE}", check=False)


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_what_a_job_waits_for_is_told(waiting: dict[str, Job], wait: Wait) -> None:
    """As the reason and message of Stalled, with what is to be done."""
    job = waiting[wait.name]

    def stalled() -> Json | None:
        found = job.condition(conditions.STALLED)
        return found if found and re.fullmatch(wait.reason, found["reason"]) else None

    found = wait_for(stalled, SOON_SECONDS, lambda: f"{job.name} is not Stalled for {wait.reason}: {job.status}")
    for words in wait.says:
        assert words in found["message"], found
    assert not job.condition(conditions.FAILED)


def test_a_job_that_is_cancelled_while_it_waits_ends(waiting: dict[str, Job]) -> None:
    """Soon, and nothing of it is left but itself."""
    job = waiting["no-python"]
    job.patch(cancel=True)
    assert job.wait_failed(SOON_SECONDS)["reason"] == conditions.CANCELLED
    labels = f"{conditions.LABEL_JOB_UID}={job.uid}"
    wait_for(lambda: not job.namespace.items(PODS, labels), 60, f"pods of {job.name} are still there")


def test_they_go_on_when_it_is_mended(waiting: dict[str, Job]) -> None:
    """By themselves, to their end."""
    mended = [(wait, waiting[wait.name]) for wait in WAITS if wait.mend]
    for wait, job in mended:
        assert wait.mend
        wait.mend(job.namespace)
    small.assert_done(*(job for _, job in mended), seconds=180)
    for _, job in mended:
        assert not job.condition(conditions.STALLED), job.status
