"""A real API server takes what the chart makes, and gives everyone the rights that they need and no others."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from api_server import ApiServer, program
from chart import EVERYTHING, NAMESPACE, Helm, Json, of_kind, pods

GOLDEN = Path(__file__).parent / "golden"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:parallelrun-operator"
TEST = f"system:serviceaccount:{NAMESPACE}:parallelrun-test"
SOME = {"watchNamespaces": ["team-a", "team-b"]}
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


def namespace(name: str) -> Json:
    """One that admits only what the restricted Pod Security Standard allows."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture(scope="module")
def kubectl(api_server: ApiServer) -> Kubectl:
    """kubectl of the administrator, or as somebody else."""
    command = [program("kubectl"), "--kubeconfig", str(api_server.kubeconfig())]

    def run(
        *arguments: str, give: list[Json] | None = None, who: str = "", right: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*command, *arguments, *(["--as", who] if who else [])],
            input=yaml.safe_dump_all(give) if give else None,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not right or done.returncode == 0, done.stderr
        return done

    run("create", "-f", "-", give=[namespace(name) for name in (NAMESPACE, "team-a", "team-b", "team-c")])
    return run


@pytest.fixture(scope="module")
def installed(helm: Helm, kubectl: Kubectl) -> list[Json]:
    """The chart for two namespaces, with people bound to its roles in one of them."""
    objects = helm.objects(SOME)
    kubectl("apply", "--server-side", "--validate=strict", "-f", "-", give=objects)
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd/parallelrunjobs.parallelrun.dev")
    for role in ("author", "viewer"):
        kubectl(
            "-n", "team-a", "create", "rolebinding", role, f"--clusterrole=parallelrun-job-{role}", f"--user={role}"
        )
    return objects


@pytest.mark.parametrize("chosen", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_the_api_server_takes_every_object(helm, kubectl, chosen):
    """Except ServiceMonitors, which it has never heard of."""
    objects = [one for one in helm.objects(chosen) if one["kind"] != "ServiceMonitor"]
    done = kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", give=objects)
    assert len(done.stdout.splitlines()) == len(objects)


@pytest.mark.parametrize("chosen", [{}, EVERYTHING, {"user": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}])
def test_every_pod_is_admitted_where_the_restricted_standard_is_enforced(helm, kubectl, chosen):
    made = pods(helm.objects(chosen))
    assert len(made) == 2
    for number, pod in enumerate(made):
        one = {**pod, "apiVersion": "v1", "metadata": {"name": f"pod-{number}", "namespace": NAMESPACE}}
        kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", give=[one])


def test_a_pod_that_runs_as_root_is_not_admitted(helm, kubectl):
    """Or the test above could not fail."""
    pod = pods(helm.objects())[0]
    one = {**pod, "apiVersion": "v1", "metadata": {"name": "root", "namespace": NAMESPACE}}
    one["spec"]["securityContext"]["runAsNonRoot"] = False
    done = kubectl("create", "--dry-run=server", "-f", "-", give=[one], right=False)
    assert 'violates PodSecurity "restricted' in done.stderr


def test_the_tests_job_is_a_valid_one_that_the_test_may_create(installed, kubectl):
    job = yaml.safe_load(of_kind(installed, "ConfigMap", "parallelrun-test")[0]["data"]["job.yaml"])
    kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", give=[job], who=TEST)


@pytest.mark.parametrize(
    ("who", "place", "golden"),
    [
        (OPERATOR, "team-a", "can-i-operator.txt"),
        (OPERATOR, NAMESPACE, "can-i-operator-own.txt"),
        (OPERATOR, "team-c", "can-i-operator-elsewhere.txt"),
        ("author", "team-a", "can-i-author.txt"),
        ("viewer", "team-a", "can-i-viewer.txt"),
        (TEST, NAMESPACE, "can-i-test.txt"),
    ],
    ids=lambda value: value.removesuffix(".txt"),
)
def test_rights_are_those_of_the_checked_in_list(installed, kubectl, who, place, golden):
    """UPDATE_GOLDEN=1 writes it anew. What everyone may do is left out."""
    lines = {*listed(kubectl, who, place)} - {*listed(kubectl, "nobody", place)}
    text = "".join(f"{line}\n" for line in sorted(lines))
    path = GOLDEN / golden
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert "*" not in text
    assert "secrets" not in text
    assert text == path.read_text()


def listed(kubectl: Kubectl, who: str, place: str) -> list[str]:
    """``kubectl auth can-i --list``, without its columns' widths."""
    lines = kubectl("auth", "can-i", "--list", "-n", place, who=who).stdout.splitlines()
    return [" ".join(line.split()) for line in lines]


def agents_role(*resources: str) -> list[Json]:
    """Rights of one job's agents, as the operator gives them."""
    role: Json = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "agents", "namespace": "team-a"},
        "rules": [
            {"apiGroups": [""], "resources": [*resources], "resourceNames": ["a"], "verbs": ["get", "update", "watch"]},
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": ["a"],
                "verbs": ["get", "update"],
            },
        ],
    }
    binding: Json = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "agents", "namespace": "team-a"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agents"},
        "subjects": [{"kind": "ServiceAccount", "name": "agents", "namespace": "team-a"}],
    }
    return [role, binding]


def test_the_operator_may_give_agents_their_rights(installed, kubectl):
    """The API server lets nobody give rights that they do not have."""
    give = agents_role("configmaps")
    kubectl("apply", "--server-side", "-f", "-", give=give, who=OPERATOR)
    assert json.loads(kubectl("-n", "team-a", "get", "rolebinding", "agents", "-o", "json").stdout)["subjects"]


def test_the_operator_can_give_nobody_a_right_to_secrets(installed, kubectl):
    done = kubectl("create", "--dry-run=server", "-f", "-", give=agents_role("secrets")[:1], who=OPERATOR, right=False)
    assert "attempting to grant RBAC permissions not currently held" in done.stderr
