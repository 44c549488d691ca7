"""Pipelines in a cluster: the example as it is applied, run again with another parameter while operators are killed,
and what failed run again by command.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_harness import faults
from cluster_harness.cluster import REPOSITORY, Cluster
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS

Json = dict[str, Any]

EXAMPLE = REPOSITORY / "examples" / "pipeline"
API = "parallelrun.dev/v1alpha1"
SECONDS = 420

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]


class Run:
    """A ParallelRunPipelineRun."""

    def __init__(self, namespace: Namespace, name: str) -> None:
        self.namespace, self.name = namespace, name

    @property
    def object(self) -> Json:
        return self.namespace.get(PIPELINE_RUNS, self.name) or {}

    @property
    def status(self) -> Json:
        return dict(self.object.get("status") or {})

    @property
    def phases(self) -> dict[str, str]:
        return {step["name"]: step["phase"] for step in self.status.get("steps") or ()}

    def step(self, name: str) -> Json:
        return next(step for step in self.status["steps"] if step["name"] == name)

    def wait_step(self, name: str, *phases: str) -> None:
        wait_for(lambda: self.phases.get(name) in phases, SECONDS, lambda: f"{name} is not {phases}: {self.status}")

    def wait_phase(self, phase: str) -> Json:
        """The status, once the run is over, which has to be as ``phase``."""
        over = ("Succeeded", "Failed", "Cancelled")
        wait_for(lambda: self.status.get("phase") in over, SECONDS, lambda: f"not over: {self.status}")
        assert self.status["phase"] == phase, self.status
        return self.status

    def output(self, step: str, name: str) -> Path:
        """The folder of an output, as this machine sees it."""
        place = str(self.step(step)["outputs"][name])
        claim, _, path = place.removeprefix("pvc://").partition("/")
        return self.namespace.volume(claim) / path


def again(namespace: Namespace, name: str, **spec: Any) -> Run:
    """Another run of the example, with this in its spec."""
    meta = {"name": name}
    namespace.apply({"apiVersion": API, "kind": PIPELINE_RUNS.kind, "metadata": meta, "spec": spec})
    return Run(namespace, name)


def kill_operator(cluster: Cluster) -> None:
    pod = wait_for(lambda: next(iter(faults.operators(cluster)), None), 60, "no operator is ready")
    faults.delete_pod(cluster, pod, grace_seconds=0)


def command(namespace: Namespace, *words: str, folder: Path) -> str:
    """What `parallelrun` prints on stdout, in ``folder``; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "parallelrun.cli.main", *words, "-n", namespace.name],
        cwd=folder,
        env={**namespace.cluster.environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def laptop(folder: Path, *parameters: str) -> str:
    """The report of a run of the example on this machine."""
    words = ["run", str(EXAMPLE / "pipeline.yaml"), "--output", "run", *parameters]
    subprocess.run([sys.executable, "-m", "parallelrun.cli.main", *words], cwd=folder, check=True, timeout=300)
    return report(folder / "run" / "data" / "report" / "report")


def report(folder: Path) -> str:
    """All that is in the report's folder."""
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_pipeline_run_again_with_another_parameter_runs_only_what_that_changes(
    cluster: Cluster, namespace: Namespace, tmp_path: Path
) -> None:
    """Operators are killed meanwhile, and the reports are those of a laptop."""
    namespace.kubectl("apply", "-k", str(EXAMPLE))
    first = Run(namespace, "flowers-1")
    first.wait_step("prepare", "Running")
    kill_operator(cluster)
    first.wait_step("score", "Running", "Succeeded")
    kill_operator(cluster)
    first.wait_phase("Succeeded")
    assert first.phases == dict.fromkeys(("prepare", "score", "report"), "Succeeded")
    owned = {job["metadata"]["name"] for job in namespace.items(PARALLEL_RUN_JOBS)}
    assert owned == {"flowers-1-prepare", "flowers-1-score", "flowers-1-report"}
    (tmp_path / "one").mkdir()
    assert report(first.output("report", "report")) == laptop(tmp_path / "one")

    second = again(namespace, "flowers-2", pipeline={"name": "flowers"}, parameters={"decimals": 3})
    second.wait_step("prepare", "Running", "Reused")
    kill_operator(cluster)
    second.wait_phase("Succeeded")
    assert second.phases == {"prepare": "Reused", "score": "Reused", "report": "Succeeded"}
    assert second.step("score")["reusedFrom"] == "flowers-1-score"
    assert second.output("score", "output") == first.output("score", "output")
    (tmp_path / "two").mkdir()
    assert report(second.output("report", "report")) == laptop(tmp_path / "two", "--param", "decimals=3")
    assert "flowers-1-score" in namespace.kubectl("get", "prpr", "flowers-2", "-o", "yaml")


SCRIPT = """
import os, sys

def run(mini_batch):
    if not os.path.exists(os.path.join(sys.argv[1], "up")):
        if open(mini_batch[0]).read() == "2":
            raise ConnectionError("the service is down")
    return [open(path).read() for path in mini_batch]
"""
COUNT_SCRIPT = "import sys; open(sys.argv[2] + '/count', 'w').write(str(len(open(sys.argv[1]).readlines())))"
PIPELINE = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunPipeline
metadata: {name: scores}
spec:
  steps:
  - name: score
    job:
      source: {directory: code}
      entryScript: score.py
      arguments: ["$(sideInputs.service)"]
      inputs: [{name: numbers, type: File, paths: [numbers/]}]
      sideInputs: [{name: service, path: service/}]
      miniBatchSize: 1
      runMaxTry: 1
  - name: count
    script:
      source: {directory: code}
      entryScript: count.py
      arguments: ["$(steps.score.file)", "$(outputs.counted)"]
      outputs: [{name: counted}]
"""


def test_what_failed_is_run_again_by_command(namespace: Namespace, tmp_path: Path) -> None:
    volume = namespace.volume()
    for name in ("numbers", "service"):
        (volume / name).mkdir()
    for number in range(4):
        (volume / "numbers" / f"{number}.txt").write_text(str(number))
    (volume / "service" / "nothing").touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text(SCRIPT)
    (tmp_path / "code" / "count.py").write_text(COUNT_SCRIPT)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    first = Run(namespace, command(namespace, "submit", "pipeline.yaml", folder=tmp_path).strip())
    first.wait_phase("Failed")
    assert first.phases == {"score": "Failed", "count": "Skipped"}
    (volume / "service" / "up").touch()
    second = Run(namespace, command(namespace, "rerun", first.name, "--failed", folder=tmp_path).strip())
    second.wait_phase("Succeeded")
    score = namespace.get(PARALLEL_RUN_JOBS, str(second.step("score")["job"]))
    assert score is not None
    assert score["spec"]["rerunOf"]["name"] == first.step("score")["job"]
    assert (second.output("count", "counted") / "count").read_text() == "4"
    assert "Succeeded" in command(namespace, "get", second.name, folder=tmp_path)
    assert second.name in command(namespace, "list", "--pipelines", folder=tmp_path)
