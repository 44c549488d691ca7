"""What ``helm test`` runs: it passes for the right output alone, says what is wrong otherwise, and cleans up."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from api_server import ApiServer
from chart import CHART, Helm, Json, of_kind

from parallelrun.kube.client import Kube
from parallelrun.kube.errors import NotFound
from parallelrun.kube.resources import CRDS, NAMESPACES, PARALLEL_RUN_JOBS

EXPECTED = (CHART / "files/test/expected.txt").read_bytes()
OUTPUT: Json = {"rows": 3, "bytes": len(EXPECTED), "sha256": hashlib.sha256(EXPECTED).hexdigest()}


def _script() -> object:
    spec = importlib.util.spec_from_file_location("helm_test", CHART / "files/test/helm_test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = _script()


def status(condition: str, output: Json | None = None) -> Json:
    """As the operator would write it."""
    one = {
        "type": condition,
        "status": "True",
        "reason": "Because",
        "message": "of this",
        "lastTransitionTime": "2026-01-31T12:00:00Z",
    }
    return {"phase": "x", "conditions": [one], **({"output": output} if output else {})}


def test_the_expected_output_is_no_problem():
    assert script.problem(status("Complete", OUTPUT), EXPECTED, 9) == ""


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({}, "no status after 9 s: does the operator run"),
        ({"phase": "Pending"}, "not Complete within 9 s: phase Pending"),
        (status("Failed"), "Failed=True Because: of this"),
        (status("Complete"), "rows is None, not 3"),
        (status("Complete", {**OUTPUT, "rows": 2}), "rows is 2, not 3"),
        (status("Complete", {**OUTPUT, "sha256": "0"}), "sha256 is 0, not"),
    ],
)
def test_anything_else_is_named(last, said):
    assert said in script.problem(last, EXPECTED, 9)


@pytest.fixture
def job(helm: Helm) -> Json:
    """The manifest that the test's pod gets."""
    return yaml.safe_load(of_kind(helm.objects(), "ConfigMap", "parallelrun-test")[0]["data"]["job.yaml"])


def test_the_script_creates_its_job_sees_it_end_and_deletes_it(
    helm: Helm, job: Json, api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also where an interrupted test has left its job."""
    monkeypatch.setattr(script, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(script.Kube, "in_cluster", api_server.kube)
    manifest, expected = tmp_path / "job.yaml", tmp_path / "expected.txt"
    manifest.write_text(yaml.safe_dump(job))
    expected.write_bytes(EXPECTED)
    asyncio.run(_test_run(helm, job, api_server, str(manifest), str(expected)))


async def _test_run(helm: Helm, job: Json, api_server: ApiServer, manifest: str, expected: str) -> None:
    async with await api_server.kube() as kube:
        await _install(helm, kube, job["metadata"]["namespace"])
        left = await kube.create(job)
        running = asyncio.ensure_future(script.main(manifest, expected, 30))
        async with asyncio.timeout(20):
            await _complete(kube, job, left["metadata"]["uid"])
            assert await running == 0
        with pytest.raises(NotFound):
            await kube.get(PARALLEL_RUN_JOBS, job["metadata"]["namespace"], job["metadata"]["name"])


async def _install(helm: Helm, kube: Kube, namespace: str) -> None:
    """The definition, served, and the namespace."""
    (definition,) = of_kind(helm.objects(), "CustomResourceDefinition", "parallelrunjobs.parallelrun.dev")
    await kube.apply(definition, "test")
    await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    async with asyncio.timeout(20):
        name = definition["metadata"]["name"]
        while not script.holds((await kube.get(CRDS, None, name)).get("status") or {}, "Established"):
            await asyncio.sleep(0.05)
        await kube.get(NAMESPACES, None, namespace)


async def _complete(kube: Kube, job: Json, left: str) -> None:
    """What the operator would do: status of the new job, not of the one that was left."""
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    while True:
        await asyncio.sleep(0.02)
        try:
            if (await kube.get(PARALLEL_RUN_JOBS, namespace, name))["metadata"]["uid"] != left:
                break
        except NotFound:
            continue
    await kube.patch(PARALLEL_RUN_JOBS, namespace, name, {"status": status("Complete", OUTPUT)}, "status")


@pytest.mark.engine
def test_its_job_gives_the_expected_output(helm: Helm, job: Json, tmp_path: Path):
    """On this machine: the same manifest, with its ConfigMap in the same file."""
    content = of_kind(helm.objects(), "ConfigMap", "parallelrun-test-job")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump_all([*content, job]))
    output = tmp_path / "run"
    command = [sys.executable, "-m", "parallelrun.cli.main", "run", str(tmp_path / "job.yaml"), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (output / "parallel_run_step.txt").read_bytes() == EXPECTED
