"""What clusters do to pods, on demand. Processes are found and signalled from their node, as its kernel would."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from cluster_harness.cluster import NAME, Cluster, script
from cluster_harness.job import is_ready
from cluster_harness.waiting import wait_for
from parallelrun.kube.resources import LEASES, PODS

Json = dict[str, Any]

CTR = ("ctr", "--namespace", "k8s.io")
CONTROL_PLANE, WORKER = f"{NAME}-control-plane", f"{NAME}-worker"
#: Where kubelet looks for the API server's pod, and where it does not.
MANIFEST, ASIDE = "/etc/kubernetes/manifests/kube-apiserver.yaml", "/etc/kubernetes/kube-apiserver.yaml"


def container_id(pod: Json, container: str) -> str:
    """containerd's id of a container that runs; raises AssertionError where it does not."""
    status = pod["status"]
    for one in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
        if one["name"] == container and "running" in one.get("state", {}):
            return str(one["containerID"]).removeprefix("containerd://")
    raise AssertionError(f"container {container} of pod {pod['metadata']['name']} does not run: {status}")


def starts(pod: Json, container: str) -> int:
    """How often a container has been started, by kubelet's account, which lags behind; 0 while it does not run."""
    status = pod["status"]
    for one in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
        if one["name"] == container and "running" in one.get("state", {}):
            return int(one["restartCount"]) + 1
    return 0


def signal_container(cluster: Cluster, pod: Json, container: str, signal: str, check: bool = True) -> None:
    """Send a signal (KILL, STOP, CONT, TERM) to all processes of a container, which may be gone without ``check``."""
    command = (*CTR, "tasks", "kill", "--all", "--signal", f"SIG{signal}", container_id(pod, container))
    cluster.on_node(pod["spec"]["nodeName"], *command, check=check)


def delete_pod(cluster: Cluster, pod: Json, grace_seconds: int | None = None) -> None:
    """Delete a pod, at once where ``grace_seconds`` is 0, and wait until it is gone."""
    meta = pod["metadata"]
    path = PODS.path(meta["namespace"], meta["name"])
    cluster.api.request("DELETE", path, None if grace_seconds is None else {"gracePeriodSeconds": grace_seconds})

    def gone() -> bool:
        found = cluster.api.get(path)
        return found is None or found["metadata"]["uid"] != meta["uid"]

    wait_for(gone, 60, f"pod {meta['name']} is not gone")


@contextmanager
def frozen(cluster: Cluster, pod: Json, container: str = "agent", check: bool = True) -> Iterator[None]:
    """A container that neither runs nor ends (SIGSTOP) until the block is left, unless it is gone by then."""
    signal_container(cluster, pod, container, "STOP", check)
    try:
        yield
    finally:
        signal_container(cluster, pod, container, "CONT", check=False)


@contextmanager
def no_api_server(cluster: Cluster) -> Iterator[None]:
    """The API server is not there; when the block is left it is back and answers."""
    cluster.on_node(CONTROL_PLANE, "mv", MANIFEST, ASIDE)
    try:
        wait_for(lambda: not answers(cluster), 60, "the API server still answers without its manifest")
        yield
    finally:
        cluster.on_node(CONTROL_PLANE, "mv", ASIDE, MANIFEST)
        wait_for(lambda: answers(cluster), 120, "the API server does not come back")


def answers(cluster: Cluster) -> bool:
    """Whether the API server is ready."""
    try:
        return cluster.api.request("GET", "/readyz").get("text") == "ok"
    except (OSError, AssertionError):
        return False


@contextmanager
def cordoned(cluster: Cluster, node: str) -> Iterator[None]:
    """A node that takes no new pods until the block is left."""
    cluster.kubectl("cordon", node)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", node)


@contextmanager
def drained(cluster: Cluster, node: str = WORKER) -> Iterator[None]:
    """A node that `kubectl drain` has emptied, and that takes pods again when the block is left."""
    force = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout", "120s")
    try:
        cluster.kubectl("drain", node, *force, seconds=150)
        yield
    finally:
        cluster.kubectl("uncordon", node)


@contextmanager
def stopped_node(cluster: Cluster, node: str = WORKER) -> Iterator[None]:
    """A machine that vanishes, and comes back only when the block is left."""
    subprocess.run(["docker", "kill", node], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "start", node], check=True, capture_output=True)
        script("network.sh")
        wait_for(lambda: node_ready(cluster, node), 120, f"node {node} does not come back")


def node_ready(cluster: Cluster, node: str) -> bool:
    """Whether a node's kubelet reports, and takes pods."""
    found = cluster.api.get(f"/api/v1/nodes/{node}") or {}
    states = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", [])}
    return states.get("Ready") == "True" and not found["spec"].get("taints")


def processes(cluster: Cluster, pod: Json, container: str) -> list[int]:
    """The process ids of a container, as its node counts them."""
    told = cluster.on_node(pod["spec"]["nodeName"], *CTR, "tasks", "ps", container_id(pod, container))
    return [int(line.split()[0]) for line in told.splitlines()[1:] if line.split()]


class SmallVolume:
    """A file system of its own on the worker."""

    def __init__(self, cluster: Cluster, folder: str) -> None:
        self._cluster, self._folder = cluster, folder

    def fill(self) -> None:
        """Leave no room."""
        self._cluster.on_node(WORKER, "dd", "if=/dev/zero", f"of={self._folder}/ballast", "bs=64k", check=False)

    def free(self) -> None:
        """Make room again."""
        self._cluster.on_node(WORKER, "rm", f"{self._folder}/ballast")

    def read(self, path: str) -> bytes:
        """A file of ASCII text."""
        return self._cluster.on_node(WORKER, "cat", f"{self._folder}/{path}").encode()


@contextmanager
def small_volume(cluster: Cluster, namespace: str, claim: str, mebibytes: int) -> Iterator[SmallVolume]:
    """A claim with a volume that is easily filled, on one node, which its pods are bound to; gone with the block."""
    folder = f"/volumes-of-{WORKER}/{namespace}/{claim}"
    cluster.on_node(WORKER, "mkdir", "-p", folder)
    cluster.on_node(WORKER, "mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=777", "tmpfs", folder)
    try:
        cluster.kubectl("apply", "--filename", "-", stdin=small_claim(namespace, claim, mebibytes, folder))
        yield SmallVolume(cluster, folder)
    finally:
        cluster.on_node(WORKER, "umount", "--lazy", folder)


def small_claim(namespace: str, claim: str, mebibytes: int, folder: str) -> str:
    """The claim and its volume, as ``kubectl apply`` takes them."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [WORKER]}]}
    shared: Json = {"accessModes": ["ReadWriteMany"], "storageClassName": "parallelrun-shared"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{claim}"},
        "spec": {
            **shared,
            "capacity": {"storage": f"{mebibytes}Mi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": claim},
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }
    asked = {**shared, "resources": {"requests": {"storage": f"{mebibytes}Mi"}}}
    claimed = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": namespace},
        "spec": asked,
    }
    return yaml.safe_dump_all([volume, claimed])


SYSTEM, OPERATOR = "parallelrun-system", "parallelrun-operator"


@contextmanager
def replicas(cluster: Cluster, count: int) -> Iterator[None]:
    """So many operators, all ready; one again when the block is left."""
    cluster.kubectl("-n", SYSTEM, "scale", f"deployment/{OPERATOR}", f"--replicas={count}")
    try:
        wait_for(lambda: len(operators(cluster)) == count, 90, f"there are not {count} operators that are ready")
        yield
    finally:
        cluster.kubectl("-n", SYSTEM, "scale", f"deployment/{OPERATOR}", "--replicas=1")
        wait_for(lambda: len(operators(cluster)) == 1, 90, "there is not one operator that is ready")


def operators(cluster: Cluster) -> list[Json]:
    """The operator's pods that are ready."""
    found = cluster.api.items(PODS.path(SYSTEM), labelSelector="app.kubernetes.io/component=operator")
    return [pod for pod in found if is_ready(pod)]


def leader(cluster: Cluster) -> Json | None:
    """The operator's pod that leads; None where nobody does, or one that is gone by now."""
    lease = cluster.api.get(LEASES.path(SYSTEM, OPERATOR)) or {}
    identity = lease.get("spec", {}).get("holderIdentity")
    return next((pod for pod in operators(cluster) if pod["metadata"]["name"] == identity), None)
