"""What failed is run again in a cluster, by command and by manifest: the output is as if nothing had ever failed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import yaml
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import layout

Json = dict[str, Any]

#: Every other item needs a service; the last one waits while there is a file ``hold``. ``called-`` tells what was run.
SCRIPT = """
import argparse, os, time

def init():
    global service
    parser = argparse.ArgumentParser()
    parser.add_argument("--service")
    service = parser.parse_known_args()[0].service

def run(mini_batch):
    results = []
    for path in mini_batch:
        number = open(path).read()
        with open(os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], f"called-{number}"), "a") as called:
            called.write("x")
        while number == "11" and os.path.exists(os.path.join(service, "hold")):
            time.sleep(0.1)
        if int(number) % 2 and not os.path.exists(os.path.join(service, "up")):
            raise ConnectionError(f"the service is down: {number} is not scored")
        results.append(f"scored {number}")
    return results
"""
COUNT = 12
NEEDY = {number for number in range(COUNT) if number % 2}
EXPECTED = "".join(f"scored {number}\n" for number in range(COUNT)).encode()
JOB = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: scores}
spec:
  source: {configMap: {name: code}}
  entryScript: score.py
  arguments: [--service, "$(sideInputs.service)"]
  inputs:
  - {name: numbers, type: File, paths: [numbers/]}
  - {name: last, type: File, paths: ["configmap://last"]}
  sideInputs: [{name: service, path: service/}]
  miniBatchSize: 1
  errorThreshold: -1
  runMaxTry: 1
  nodeCount: 2
  processCountPerNode: 1
"""


@pytest.fixture
def ready(namespace: Namespace) -> Namespace:
    """With all that the job reads; the service is down."""
    namespace.config_map("code", {"score.py": SCRIPT})
    namespace.config_map("last", {"last.txt": str(COUNT - 1)})
    volume = namespace.volume()
    for name in ("numbers", "service"):
        (volume / name).mkdir()
    for number in range(COUNT - 1):
        (volume / "numbers" / f"{number}.txt").write_text(str(number))
    return namespace


def called(job: Job) -> set[int]:
    return {int(path.name.rpartition("-")[2]) for path in (job.folder / layout.OUTPUTS).glob("called-*")}


def again(name: str, **spec: Any) -> Json:
    manifest: Json = yaml.safe_load(JOB)
    manifest["metadata"]["name"] = name
    manifest["spec"] |= {"rerunOf": {"name": "scores"}, **spec}
    return manifest


def command(namespace: Namespace, *words: str) -> str:
    full = [sys.executable, "-m", "parallelrun.cli.main", *words, "-n", namespace.name]
    variables = {**os.environ, "KUBECONFIG": str(namespace.cluster.kubeconfig)}
    done = subprocess.run(full, capture_output=True, text=True, env=variables, timeout=120)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


def test_only_what_failed_is_run_again_and_merged_with_what_succeeded(ready: Namespace) -> None:
    """By a manifest that was there before the first job ended, by the command, and from the first one's own source."""
    namespace, hold = ready, ready.volume() / "service" / "hold"
    hold.touch()
    scores = namespace.submit(JOB)
    waiting = namespace.submit(again("by-manifest", suspend=True))

    def waits() -> bool:
        reasons = [one["reason"] for one in waiting.status.get("conditions", [])]
        return reasons == ["WaitingForEarlierJob"]

    wait_for(waits, 30, lambda: f"the second job does not wait for the first: {waiting.status}")
    hold.unlink()
    status = scores.wait_complete(120)
    assert status["miniBatches"] | {"retried": 0} == {"total": 12, "completed": 12, "failed": 6, "retried": 0}
    assert scores.output == b"".join(b"scored %d\n" % number for number in range(0, COUNT, 2))

    (namespace.volume() / "service" / "up").touch()
    namespace.config_map("code", {"score.py": "raise RuntimeError('not the code that was run')"})
    by_command = namespace.job(command(namespace, "rerun", "scores", "--failed"))
    waiting.patch(suspend=False)

    for job in (by_command, waiting):
        status = job.wait_complete(120)
        assert (status["miniBatches"]["completed"], status["miniBatches"]["failed"]) == (COUNT, 0)
        assert job.output == EXPECTED
        assert called(job) == NEEDY


def test_a_rerun_goes_on_from_a_job_that_lost_its_state_and_needs_it_no_more_once_begun(ready: Namespace) -> None:
    """A header deleted by hand, with the first job's folder as it was left; then a mended script, and a fixed field."""
    namespace, hold = ready, ready.volume() / "service" / "hold"
    hold.touch()
    scores = namespace.submit(JOB)
    scores.wait_completed(1)
    (header,) = [name for name in config_maps(namespace) if name.startswith("scores-") and name.endswith("-header")]
    namespace.kubectl("delete", "configmap", header)
    assert scores.wait_failed(60)["reason"] == "StateLost"

    hold.unlink()
    (namespace.volume() / "service" / "up").touch()
    namespace.config_map("mended", {"score.py": SCRIPT + "# mended\n"})
    job = namespace.submit(again("mended", source={"configMap": {"name": "mended"}}))
    other = namespace.submit(again("other", miniBatchSize=2))
    refused = other.wait_failed(30)
    assert refused["reason"] == "ManifestError"
    assert "spec.miniBatchSize was 1, now 2" in refused["message"]
    job.wait_pods()
    scores.delete()
    job.wait_complete(120)
    assert job.output == EXPECTED
    assert job.file("source/score.py").endswith(b"# mended\n")
    assert namespace.submit(again("too-late")).wait_failed(30)["reason"] == "ManifestError"


def config_maps(namespace: Namespace) -> list[str]:
    return namespace.kubectl("get", "configmaps", "--output", "jsonpath={.items[*].metadata.name}").split()
