"""What was there when a test failed: objects, events and logs of its namespace, and the operator's log."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from cluster_harness.cluster import TOOLS
from cluster_harness.namespace import Namespace
from parallelrun.kube.resources import PODS

FAILURES = TOOLS / "failures"
KINDS = (
    "parallelrunpipelines,parallelrunpipelineruns,parallelrunjobs,jobs,pods,configmaps,leases,persistentvolumeclaims,"
    "serviceaccounts,roles,rolebindings"
)


def save(namespace: Namespace, test: str, report: str) -> Path:
    """Into .tools/failures/TEST/, anew; the folder."""
    folder = FAILURES / re.sub(r"[^\w.-]+", "_", test)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    (folder / "report.txt").write_text(report)

    def told(name: str, *arguments: str) -> None:
        (folder / name).write_text(namespace.cluster.kubectl(*arguments, check=False, seconds=60))

    told("objects.yaml", "--namespace", namespace.name, "get", KINDS, "--output", "yaml")
    told("pods.txt", "--namespace", namespace.name, "describe", "pods")
    told(
        "events.txt", "--namespace", namespace.name, "get", "events", "--sort-by", ".lastTimestamp", "--output", "wide"
    )
    told("nodes.txt", "describe", "nodes")
    told("operator.txt", "--namespace", "parallelrun-system", "get", "pods", "--output", "wide")
    for suffix, options in (("", ()), ("-previous", ("--previous",))):
        told(f"operator{suffix}.log", "--namespace", "parallelrun-system", "logs", "deployment/parallelrun-operator",
             "--tail", "5000", *options)  # fmt: skip
    for pod in namespace.items(PODS):
        name, spec = pod["metadata"]["name"], pod["spec"]
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            told(f"logs/{name}-{container['name']}.log", "--namespace", namespace.name, "logs", name,
                 "--container", container["name"])  # fmt: skip
    return folder
