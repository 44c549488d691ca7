"""W1 on a cluster of two nodes, against one pod for each item, which is what people do without parallelrun.

The test cluster is used (`make cluster`). Both sides are timed from the moment that their manifest is applied to the
moment that the API server says Complete, image pulls excluded: every node has the image.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import workloads

sys.path.insert(0, str(workloads.ROOT / "tests" / "cluster"))

from cluster_harness.cluster import Cluster
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

Json = dict[str, Any]

POD_ITEMS = 100  # of the Indexed Job; 20,000 pods would take hours
PODS_AT_ONCE = 20
JOB = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "ParallelRunJob",
    "metadata": {"name": "w1"},
    "spec": {
        "source": {"configMap": {"name": "w1-code"}},
        "entryScript": "w1.py",
        "inputs": [{"name": "files", "type": "File", "paths": ["input/*.txt"]}],
        "miniBatchSize": 1,
        "nodeCount": 2,
        "volume": {"claimName": "parallelrun"},
    },
}


def report(base: Path, runs: int) -> None:
    """Print the times and the ratio per item."""
    cluster = Cluster.started()
    namespace = Namespace(cluster, "bench")
    namespace.create()
    try:
        tiny = workloads.make("w1", base)
        shutil.copytree(tiny / "input", namespace.volume() / "input")
        namespace.config_map("w1-code", {"w1.py": (workloads.ROOT / "tests/bench/jobs/w1.py").read_text()})
        ours = [_ours(namespace) for _ in range(runs)]
        pods = [_pod_per_item(namespace) for _ in range(runs)]
    finally:
        namespace.remove()
    first, whole = (statistics.median(one) for one in zip(*ours, strict=True))
    per_pod, items = statistics.median(pods) / POD_ITEMS, workloads.TINY_FILES
    print(f"W1 on a cluster: {items} mini-batches of one tiny file, two nodes, medians of {runs} run(s)")
    print(f"  parallelrun, first result        {first:8.1f} s after apply")
    print(f"  parallelrun, Complete            {whole:8.1f} s after apply: {1000 * whole / items:.2f} ms an item")
    print(f"  a pod an item (Indexed Job)      {per_pod * POD_ITEMS:8.1f} s for {POD_ITEMS} pods of `true`: ", end="")
    print(f"{1000 * per_pod:.0f} ms an item, {per_pod / (whole / items):.0f} times as much")


def _ours(namespace: Namespace) -> tuple[float, float]:
    """Seconds to the first record of a result, and to Complete."""
    started = time.monotonic()
    job = namespace.submit(JOB)
    first = wait_for(lambda: _since(started, lambda: _has_result(job.folder)), 120, "no result")
    job.wait_complete(300)
    whole = time.monotonic() - started
    rows = len(job.output.splitlines())
    assert rows == workloads.TINY_FILES, f"{rows} rows of {workloads.TINY_FILES}"
    job.delete()
    wait_for(lambda: not job.object, 60, "the job is not gone")
    return first, whole


def _has_result(folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.glob("segments/*.idx"))


def _since(started: float, happened: Callable[[], bool]) -> float | None:
    return time.monotonic() - started if happened() else None


def _pod_per_item(namespace: Namespace) -> float:
    """Seconds until an Indexed Job of pods that do nothing is complete."""
    template = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "item",
                "image": f"parallelrun/runner:{namespace.cluster.version}",
                "command": ["true"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    spec: Json = {"completions": POD_ITEMS, "parallelism": PODS_AT_ONCE, "completionMode": "Indexed"}
    body: Json = {"metadata": {"name": "a-pod-an-item"}, "spec": {**spec, "template": {"spec": template}}}
    path = f"/apis/batch/v1/namespaces/{namespace.name}/jobs"
    started = time.monotonic()
    namespace.api.request("POST", path, body)

    def complete() -> float | None:
        status = (namespace.api.get(f"{path}/a-pod-an-item") or {}).get("status", {})
        return time.monotonic() - started if status.get("completionTime") else None

    seconds = wait_for(complete, 600, "the pods have not ended")
    namespace.api.request("DELETE", f"{path}/a-pod-an-item?propagationPolicy=Foreground")
    wait_for(lambda: namespace.api.get(f"{path}/a-pod-an-item") is None, 120, "the pods are not gone")
    return seconds
