"""A release's life on a real API server: installed, upgraded from the version before, uninstalled, installed again."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from api_server import ApiServer, program
from chart import CHART, NAMESPACE, RELEASE, Helm, Json

VALUES: Json = {"claims": [{"namespace": "team-a", "size": "1Gi"}], "operator": {"replicas": 2}}
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
KEPT = ("crd/parallelrunjobs.parallelrun.dev", "prj/words", "pvc/parallelrun")


class Cluster:
    """helm and kubectl against one API server."""

    def __init__(self, server: ApiServer, helm: Helm) -> None:
        self._kubeconfig, self._helm = str(server.kubeconfig()), helm

    def helm(self, *arguments: str, values: Json | None = None) -> str:
        command = [self._helm.program, "--kubeconfig", self._kubeconfig, "--namespace", NAMESPACE, *arguments]
        given = [] if values is None else ["--values", "-"]
        return _checked([*command, *given], json.dumps(values) if values is not None else "")

    def kubectl(self, *arguments: str, give: list[Json] | None = None) -> str:
        command = [program("kubectl"), "--kubeconfig", self._kubeconfig, *arguments]
        return _checked(command, yaml.safe_dump_all(give) if give else "")

    def get(self, name: str, namespace: str = "team-a") -> Json:
        found: Json = json.loads(self.kubectl("-n", namespace, "get", name, "-o", "json"))
        return found

    def uids(self) -> list[str]:
        """Of what is people's and not the release's."""
        return [self.get(name)["metadata"]["uid"] for name in KEPT]

    def container(self) -> Json:
        """The operator's, as its Deployment has it."""
        container: Json = self.get("deploy/parallelrun-operator", NAMESPACE)["spec"]["template"]["spec"]["containers"][
            0
        ]
        return container


def _checked(command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def older(chart: Path, version: str) -> Path:
    """The chart as a version before this one, in a package."""
    copy = shutil.copytree(CHART, chart / "older")
    text = re.sub(r"(?m)^(version|appVersion): .*$", rf"\1: {version}", (copy / "Chart.yaml").read_text())
    (copy / "Chart.yaml").write_text(text)
    _checked([program("helm"), "package", str(copy), "--destination", str(chart)], "")
    return chart / f"parallelrun-{version}.tgz"


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer, helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """With an older release, and a job and a claim of somebody."""
    made = Cluster(api_server, helm)
    for name in (NAMESPACE, "team-a"):
        made.kubectl("create", "namespace", name)
    made.helm("install", RELEASE, str(older(tmp_path_factory.mktemp("chart"), "0.0.9")), values=VALUES)
    made.kubectl("wait", "--for=condition=Established", "--timeout=30s", KEPT[0])
    spec = {
        "source": {"configMap": {"name": "code"}},
        "entryScript": "a.py",
        "inputs": [{"name": "texts", "type": "File", "paths": ["configmap://words/*.txt"]}],
    }
    job = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": {"name": "words"}}
    made.kubectl("-n", "team-a", "apply", "-f", "-", give=[{**job, "spec": spec}])
    return made


def test_an_upgrade_changes_the_operator_and_nothing_of_peoples(cluster):
    before, job = cluster.uids(), cluster.get("prj/words")
    assert cluster.container()["image"] == "parallelrun/operator:0.0.9"
    cluster.helm("upgrade", RELEASE, str(CHART), "--reset-then-reuse-values")
    assert cluster.container()["image"] == f"parallelrun/operator:{VERSION}"
    assert f"--runner-image=parallelrun/runner:{VERSION}" in cluster.container()["args"]
    assert cluster.get("deploy/parallelrun-operator", NAMESPACE)["spec"]["replicas"] == 2
    assert cluster.uids() == before
    assert cluster.get("prj/words")["spec"] == job["spec"]


def test_uninstalling_keeps_definition_jobs_and_claims_and_installing_again_takes_them_over(cluster):
    before = cluster.uids()
    cluster.helm("uninstall", RELEASE)
    assert cluster.uids() == before
    assert json.loads(cluster.kubectl("-n", NAMESPACE, "get", "deploy,sa,role,svc", "-o", "json"))["items"] == []
    cluster.helm("install", RELEASE, str(CHART), values=VALUES)
    assert cluster.uids() == before


def test_the_notes_name_what_to_do_next(cluster):
    notes = cluster.helm("get", "notes", RELEASE)
    assert "kubectl -n parallelrun-system rollout status deployment/parallelrun-operator" in notes
    assert "team-a/parallelrun" in notes
    assert "helm test parallelrun -n parallelrun-system --logs" in notes
