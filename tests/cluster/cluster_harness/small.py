"""The smallest jobs: three texts, made upper case; and jobs that wait within ``run`` until a test lets them end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from parallelrun.api import layout, pod_layout

Json = dict[str, Any]

SCRIPT = """
import os, sys, time

def init():
    print("ready")

def run(mini_batch):
    print("shouting", os.path.basename(mini_batch[0]))
    while "--wait" in sys.argv and not os.path.exists(os.environ["AZUREML_BI_OUTPUT_PATH"] + "/open"):
        time.sleep(0.1)
    return [open(path).read().strip().upper() for path in mini_batch]
"""
TEXTS = {"a.txt": "one", "b.txt": "two", "c.txt": "three"}
OUTPUT = b"ONE\nTWO\nTHREE\n"


def files(namespace: Namespace) -> None:
    """The ConfigMaps ``code`` and ``texts``, which the jobs name."""
    namespace.config_map("code", {"shout.py": SCRIPT})
    namespace.config_map("texts", TEXTS)


def manifest(name: str, wait: bool = False, labels: dict[str, str] | None = None, **spec: Any) -> Json:
    """A job; ``spec`` overrides fields of its spec, and None removes one."""
    fields: Json = {
        "source": {"configMap": {"name": "code"}},
        "entryScript": "shout.py",
        "inputs": [{"name": "texts", "type": "File", "paths": ["configmap://texts"]}],
        "miniBatchSize": 1,
    }
    if wait:
        fields |= {"arguments": ["--wait"], "runInvocationTimeoutSeconds": 600}
    fields = {field: value for field, value in (fields | spec).items() if value is not None}
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": metadata, "spec": fields}


def let_end(job: Job) -> None:
    """A job that waits goes on, as its pods read it: by a file."""
    for pod in job.wait_pods(1)[:1]:
        place = f"{pod_layout.JOB}/{layout.OUTPUTS}/open"
        job.namespace.execute(pod["metadata"]["name"], "touch", place)


def assert_done(*jobs: Job, seconds: float = 120) -> None:
    """Complete, with the output that they have to have."""
    for job in jobs:
        job.wait_complete(seconds)
        assert job.output == OUTPUT, job.name


def first_pod(job: Job, containers: Sequence[str] = (pod_layout.WORKER,)) -> Json:
    """Its first pod, with all containers running."""
    pod = job.wait_pods(1)[0]
    running = {one["name"] for one in pod["status"]["initContainerStatuses"] if "running" in one["state"]}
    assert running >= set(containers)
    return pod
