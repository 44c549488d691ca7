"""The chart is upgraded from an older version while a job runs: the job's pods do not notice, and its output is whole.

The older version is this chart and these images under a lower version number: none was released before.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_harness.cluster import REPOSITORY, TOOLS, Cluster, script
from cluster_harness.faults import CTR
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace

pytestmark = pytest.mark.cluster

CHART = REPOSITORY / "helm/parallelrun"
OLDER = "0.0.9"
SYSTEM, RELEASE = "parallelrun-system", "parallelrun"
TEXTS = {f"{number}.txt": f"text {number}" for number in range(8)}
#: Each call waits until somebody opens the gate.
SCRIPT = """
import argparse, os, time

def init():
    global gate
    parser = argparse.ArgumentParser()
    parser.add_argument("--gate")
    gate = parser.parse_known_args()[0].gate

def run(mini_batch):
    while not os.path.exists(os.path.join(gate, "open")):
        time.sleep(0.05)
    return [open(path).read() for path in mini_batch]
"""
JOB = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: gated}
spec:
  source: {configMap: {name: gated-code}}
  entryScript: gated.py
  arguments: ["--gate", "$(sideInputs.gate)"]
  inputs:
  - {name: texts, type: File, paths: ["configmap://gated-texts/*.txt"]}
  sideInputs:
  - {name: gate, path: gate/}
  miniBatchSize: 1
  nodeCount: 2
  runInvocationTimeoutSeconds: 600
"""


def upgrade(cluster: Cluster, chart: Path) -> None:
    """``helm upgrade`` with the values that the release has, until the new operator is ready.

    Helm does not wait for the upgrade of another process; the scripts of tools/cluster hold this lock meanwhile.
    """
    command = ("helm", "upgrade", RELEASE, str(chart), "--namespace", SYSTEM)
    options = ("--reset-then-reuse-values", "--wait", "--timeout", "120s")
    cluster.run("flock", "--close", str(TOOLS / "lock"), *command, *options, seconds=300)


def images(cluster: Cluster) -> set[str]:
    """Of the operator's pods that are not about to end."""
    pods = json.loads(
        cluster.kubectl("-n", SYSTEM, "get", "pods", "-l", "app.kubernetes.io/component=operator", "-o", "json")
    )
    return {
        pod["spec"]["containers"][0]["image"] for pod in pods["items"] if "deletionTimestamp" not in pod["metadata"]
    }


def uids(job: Job) -> list[str]:
    """Of the job's pods."""
    return [pod["metadata"]["uid"] for pod in job.pods()]


@pytest.fixture
def older_release(cluster: Cluster, tmp_path: Path) -> Iterator[None]:
    """The release as it would be after an install of an older version; this version again afterwards."""
    chart = shutil.copytree(CHART, tmp_path / "parallelrun")
    text = (chart / "Chart.yaml").read_text()
    (chart / "Chart.yaml").write_text(re.sub(r"(?m)^(version|appVersion): .*$", rf"\1: {OLDER}", text))
    for node in cluster.nodes:
        for name in ("operator", "runner"):
            image = f"docker.io/parallelrun/{name}"
            cluster.on_node(node, *CTR, "images", "tag", "--force", f"{image}:{cluster.version}", f"{image}:{OLDER}")
    try:
        upgrade(cluster, chart)
        yield
    finally:
        upgrade(cluster, CHART)


def test_a_job_goes_on_while_the_chart_is_upgraded(cluster: Cluster, namespace: Namespace, older_release: None) -> None:
    """The same pods, of the older version's image, finish it under the new operator."""
    namespace.config_map("gated-code", {"gated.py": SCRIPT})
    namespace.config_map("gated-texts", TEXTS)
    gate = namespace.volume() / "gate"
    gate.mkdir()
    job = namespace.submit(JOB)
    before = [pod["metadata"]["uid"] for pod in job.wait_pods(2)]
    assert images(cluster) == {f"parallelrun/operator:{OLDER}"}

    upgrade(cluster, CHART)
    assert images(cluster) == {f"parallelrun/operator:{cluster.version}"}
    assert uids(job) == before
    (gate / "open").touch()

    status = job.wait_complete(120)
    assert job.output.decode().splitlines() == list(TEXTS.values())
    assert (status["miniBatches"]["completed"], status["miniBatches"]["failed"]) == (len(TEXTS), 0)


def test_helm_test_passes_and_leaves_no_job(cluster: Cluster) -> None:
    """The chart's own test, as people run it."""
    script("claim.sh", SYSTEM)
    told = cluster.run("helm", "test", RELEASE, "--namespace", SYSTEM, "--logs", "--timeout", "180s", seconds=200)
    assert "passed: the job gave the expected output" in told
    assert json.loads(cluster.kubectl("-n", SYSTEM, "get", "parallelrunjobs", "-o", "json"))["items"] == []
