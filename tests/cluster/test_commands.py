"""The command against a cluster: files up and down, a job submitted, followed, its logs, results and failures."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.kube.resources import CONFIG_MAPS, PODS

SCRIPT = """
import time

def init():
    print("ready")

def run(mini_batch):
    print("scoring", mini_batch[0], flush=True)
    time.sleep(0.5)
    if mini_batch[0].endswith("/07.txt"):
        raise ValueError("seven is not scored")
    return [open(path).read().strip().upper() for path in mini_batch]
"""

JOB = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {generateName: shout-}
spec:
  source: {directory: ./code}
  entryScript: score.py
  inputs:
  - {name: texts, type: File, paths: [texts]}
  miniBatchSize: 1
  runMaxTry: 1
  errorThreshold: 1
  nodeCount: 2
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(namespace: Namespace, tmp_path: Path) -> Command:
    """Runs `parallelrun WORDS -n NAMESPACE` in an empty folder; fails unless it exits with ``code``."""

    def run(*words: object, code: int = 0, seconds: float = 150) -> subprocess.CompletedProcess[str]:
        full = [sys.executable, "-m", "parallelrun.cli.main", *map(str, words), "-n", namespace.name]
        variables = {**os.environ, "KUBECONFIG": str(namespace.cluster.kubeconfig)}
        done = subprocess.run(full, capture_output=True, text=True, cwd=tmp_path, env=variables, timeout=seconds)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done

    return run


def files_below(root: Path) -> dict[str, str]:
    found = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def readers(namespace: Namespace) -> list[str]:
    found = namespace.items(PODS, "app.kubernetes.io/component=reader")
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


def test_a_thousand_files_go_up_and_come_back(namespace: Namespace, command: Command, tmp_path: Path) -> None:
    """Byte for byte, and the pod that moved them is gone."""
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    for number in range(1000):
        (tmp_path / "tree" / "sub" / f"{number}.txt").write_text(f"file {number}\n" * number)
    (tmp_path / "tree" / "large").write_bytes(os.urandom(20_000_000))
    command("upload", "tree", "pvc://parallelrun/data/tree")
    assert files_below(namespace.volume() / "data" / "tree") == files_below(tmp_path / "tree")
    command("download", "pvc://parallelrun/data/tree", "back")
    assert files_below(tmp_path / "back") == files_below(tmp_path / "tree")
    assert readers(namespace) == []


def test_a_path_that_is_not_on_the_claim_is_named(namespace: Namespace, command: Command) -> None:
    assert "There is no parallelrun/nosuch" in command("download", "pvc://parallelrun/nosuch", "back", code=2).stderr
    assert readers(namespace) == []


def test_an_image_that_cannot_be_pulled_is_said_at_once(namespace: Namespace, command: Command) -> None:
    """And the pod that waited for it is gone."""
    said = command("upload", "/etc/hostname", "pvc://parallelrun/x", "--image", "parallelrun.invalid/none:0", code=2)
    assert "--image" in said.stderr
    assert readers(namespace) == []


def test_a_job_from_submission_to_results(namespace: Namespace, command: Command, tmp_path: Path) -> None:
    """Submitted with its folder, its lines followed while it runs, its results fetched whole, its failure told."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text(SCRIPT)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "texts").mkdir()
    for number in range(20):
        (tmp_path / "texts" / f"{number:02}.txt").write_text(f"text {number}")
    command("upload", "texts", "pvc://parallelrun/texts")

    name = command("submit", "job.yaml").stdout.strip()
    followed = command("logs", name, "-f").stdout
    assert command("wait", name, "--timeout", 120).stdout == "Done\n"
    assert "scoring" in followed

    expected = [f"TEXT {number}" for number in range(20) if number != 7]
    assert command("results", name).stdout.splitlines() == expected
    copied = command("results", name, "--to", "copy").stdout.strip()
    assert (tmp_path / copied).read_text().splitlines() == expected
    assert "seven is not scored" in command("failures", name).stdout
    assert "07.txt" in command("logs", name, "--failed").stdout
    assert readers(namespace) == []

    copy = [sys.executable, "-m", "parallelrun.cli.main", "failures", "copy"]
    assert (
        "seven is not scored" in subprocess.run(copy, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout
    )

    folder = namespace.job(name).folder
    assert folder.is_dir()
    command("delete", name, "--results")
    assert not folder.exists()
    wait_for(
        lambda: not namespace.items(CONFIG_MAPS, "app.kubernetes.io/component=source"),
        60,
        "the source's ConfigMap did not go with its job",
    )
