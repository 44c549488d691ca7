"""The API server takes the examples as `kubectl apply -k` sends them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from api_server import ApiServer, program

from parallelrun.api.kinds import DEFINED

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/kustomization.yaml"))


@pytest.fixture(scope="module")
def kubectl(api_server: ApiServer):
    """Calls kubectl as the administrator; the definition of a ParallelRunJob is there."""

    def call(*words: str | Path) -> str:
        command = [program("kubectl"), "--kubeconfig", api_server.kubeconfig(), *words]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("apply", "--server-side", "-f", ROOT / "crds")
    call("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    return call


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_applied_to_any_namespace_and_a_second_time_changes_nothing(example: Path, kubectl) -> None:
    """Also the ConfigMaps with images and model: kubectl's copy of them fits into their annotations."""
    namespace = f"example-{example.name}"
    kubectl("create", "namespace", namespace)
    kubectl("apply", "-n", namespace, "-k", example)
    before = resources(kubectl, namespace)
    (name,) = (key.partition("/")[2] for key in before if key.startswith(("prj/", "prp/")))
    assert f"configmap/{name}-code" in before
    kubectl("apply", "-n", namespace, "-k", example)
    assert resources(kubectl, namespace) == before


def resources(kubectl, namespace: str) -> dict[str, str]:
    """The version of each job, pipeline, ConfigMap and registered object by its name."""
    kinds = ("prj", "configmap", *(kind.short_name for kind in DEFINED))
    listed = {kind: json.loads(kubectl("get", kind, "-n", namespace, "-o", "json"))["items"] for kind in kinds}
    return {
        f"{kind}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for kind, items in listed.items()
        for one in items
    }
