"""The operator as the chart starts it, with the rights that the chart gives it and no others."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ApiServer, free_port, program
from chart import Helm, Json, of_kind

DEADLINE_SECONDS = 40.0
JOB: Json = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "ParallelRunJob",
    "spec": {
        "source": {"configMap": {"name": "words-code"}},
        "entryScript": "count_words.py",
        "inputs": [{"name": "texts", "type": "File", "paths": ["configmap://words/*.txt"]}],
    },
}
#: To be found in what an operator says that lacks a right.
FORBIDDEN = "forbidden"


def run(api_server: ApiServer, *arguments: str, give: list[Json] | None = None) -> str:
    """kubectl of the administrator."""
    done = subprocess.run(
        [program("kubectl"), "--kubeconfig", str(api_server.kubeconfig()), *arguments],
        input=yaml.safe_dump_all(give) if give else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(found: Callable[[], Any], what: str, log: Path) -> Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS:.0f} s: {what}\n{log.read_text()[-3000:]}"
        time.sleep(0.1)
    return answer


@contextmanager
def operator(api_server: ApiServer, deployment: Json, log: Path) -> Iterator[int]:
    """The Deployment's container as a process, with its ServiceAccount's token; the port of its pages."""
    spec = deployment["spec"]["template"]["spec"]
    namespace, port = deployment["metadata"]["namespace"], free_port()
    token = run(api_server, "-n", namespace, "create", "token", spec["serviceAccountName"]).strip()
    options = [*spec["containers"][0]["args"], f"--port={port}", f"--kubeconfig={api_server.kubeconfig(token)}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "parallelrun_operator", *options, "--identity=pod-0", f"--namespace={namespace}"],
            stdout=file,
            stderr=file,
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(port: int, page: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize("watched", [["team-a", "team-b"], []], ids=["some-namespaces", "all-namespaces"])
def test_the_operator_does_its_work_with_the_charts_rights(helm: Helm, api_server: ApiServer, tmp_path: Path, watched):
    """It becomes ready, makes what belongs to a job, and writes status; nothing is forbidden to it."""
    own = f"system-{len(watched)}"
    objects = helm.objects({"watchNamespaces": watched}, release=own, namespace=own)
    needed = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (own, "team-a", "team-b")
    ]
    run(api_server, "apply", "--server-side", "-f", "-", give=needed)
    run(api_server, "apply", "--server-side", "--force-conflicts", "-f", "-", give=objects)
    run(api_server, "wait", "--for=condition=Established", "--timeout=30s", "crd/parallelrunjobs.parallelrun.dev")
    job = f"words-{len(watched)}"
    run(api_server, "apply", "-f", "-", give=[{**JOB, "metadata": {"name": job, "namespace": "team-a"}}])
    log = tmp_path / "operator.log"
    with operator(api_server, of_kind(objects, "Deployment")[0], log) as port:
        until(lambda: answers(port, "readyz"), "ready", log)
        children = ("get", "jobs", "-l", f"parallelrun.dev/job={job}", "-o", "name")
        until(lambda: run(api_server, "-n", "team-a", *children), "a Job", log)
        phase = ("get", "parallelrunjob", job, "-o", "jsonpath={.status.phase}")
        until(lambda: run(api_server, "-n", "team-a", *phase), "a status", log)
        assert answers(port, "healthz")
    assert FORBIDDEN not in log.read_text()
