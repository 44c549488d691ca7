"""What scripts and agents can reach in a cluster: tried from inside their containers, and with their tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_harness import small
from cluster_harness.api import ApiError
from cluster_harness.cluster import Cluster
from cluster_harness.job import Job, name_of
from cluster_harness.namespace import Namespace

from parallelrun.api import pod_layout
from parallelrun.kube.names import Names
from parallelrun.kube.resources import (
    CLAIMS,
    CONFIG_MAPS,
    EVENTS,
    JOBS,
    LEASES,
    MODELS,
    PARALLEL_RUN_JOBS,
    PODS,
    REGISTERED,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    Resource,
)

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
Attempt = tuple[str, str, Json | None, dict[str, str]]  # method, path, body, query

RIGHTS = Path(__file__).parent / "rights"
SYSTEM = "parallelrun-system"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
SECRETS = Resource("", "v1", "secrets", "Secret")

#: Run in the worker's container: all that its processes may read, but for what the kernel makes up.
LOOK = """
import json, os

def walk(root):
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
        yield from (os.path.join(folder, name) for name in [*folders, *files])

def environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return dict(line.split("=", 1) for line in file.read().decode().split("\\0") if "=" in line)
    except OSError:
        return {}

print(json.dumps({
    "mounts": {fields[4]: fields[5].split(",")[0] for fields in map(str.split, open("/proc/self/mountinfo"))},
    "paths": list(walk("/")),
    "variables": [environment(pid) for pid in os.listdir("/proc") if pid.isdecimal()],
    "user": [os.getuid(), os.getgid()],
}))
"""
#: Also there: an anonymous request, which is all that a process without a token can send.
ASK = """
import os, ssl, sys, urllib.error, urllib.request
server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
for path in sys.argv[1:]:
    try:
        urllib.request.urlopen(server + path, context=ssl._create_unverified_context(), timeout=20)
        print("answered")
    except urllib.error.HTTPError as error:
        print(error.code)
"""


@pytest.fixture(scope="module")
def spy(shared: Namespace) -> Job:
    """A job that runs, reading from the claim, beside a file at the claim's root and another job that runs there."""
    small.files(shared)
    shared.cluster.on_node(
        shared.cluster.nodes[0], "sh", "-c",
        f"cd /volumes/{shared.name}/parallelrun && mkdir in && echo one >in/a.txt && echo all >root-of-the-claim.txt",
    )  # fmt: skip
    inputs = [{"name": "texts", "type": "File", "paths": ["in/*.txt"]}]
    other = shared.submit(small.manifest("other", wait=True))
    job = shared.submit(small.manifest("spy", wait=True, inputs=inputs))
    other.wait_pods(1)
    job.wait_pods(1)
    return job


@pytest.fixture(scope="module")
def other(shared: Namespace, spy: Job) -> Job:
    return shared.job("other")


@pytest.fixture(scope="module")
def seen(shared: Namespace, spy: Job) -> Json:
    """What the worker's container of ``spy`` sees."""
    seen: Json = json.loads(shared.execute(name_of(small.first_pod(spy)), "python3", "-c", LOOK))
    return seen


def test_the_worker_has_no_mounts_but_its_own(seen: Json) -> None:
    """The job's folder, the literal prefix of its inputs, our program, and scratch; what it reads is read-only."""
    mounts = {path: how for path, how in seen["mounts"].items() if path.startswith(pod_layout.ROOT + "/")}
    assert mounts == {
        pod_layout.JOB: "rw",
        f"{pod_layout.claim('parallelrun')}/in": "ro",
        pod_layout.PROGRAM: "ro",
        pod_layout.SOURCE: "rw",
        pod_layout.MEETING: "rw",
    }
    assert not [path for path in seen["mounts"] if "secret" in path]


def test_the_worker_has_no_token(seen: Json) -> None:
    """No file of a service account, and nothing in a variable that looks like a token or is called one."""
    assert not [path for path in seen["paths"] if "serviceaccount" in path or path.startswith("/run/secrets")]
    variables = {name: value for found in seen["variables"] for name, value in found.items()}
    assert variables["KUBERNETES_SERVICE_HOST"], "the variables of the container's processes were read"
    assert not [name for name in variables if re.search("TOKEN|SECRET|PASSWORD|CREDENTIAL", name)]
    assert not [name for name, value in variables.items() if "eyJ" in value]


def test_the_worker_finds_no_other_job(seen: Json, other: Job) -> None:
    """Neither another job's folder nor what lies at the root of the claim they share."""
    assert f"{pod_layout.JOB}/settings.json" in seen["paths"], "its own folder is seen"
    assert f"{pod_layout.claim('parallelrun')}/in/a.txt" in seen["paths"], "and its input"
    assert not [path for path in seen["paths"] if other.uid in path or "root-of-the-claim" in path]
    assert [path for path in seen["paths"] if path.startswith(pod_layout.CLAIMS + "/")] == [
        pod_layout.claim("parallelrun"),
        f"{pod_layout.claim('parallelrun')}/in",
        f"{pod_layout.claim('parallelrun')}/in/a.txt",
    ]


def test_the_worker_cannot_change_its_input(shared: Namespace, spy: Job) -> None:
    """It is mounted read-only, whoever owns the files."""
    pod, place = name_of(small.first_pod(spy)), f"{pod_layout.claim('parallelrun')}/in"
    for command in (f"echo x >{place}/new.txt", f"rm {place}/a.txt"):
        said = shared.execute(pod, "sh", "-c", f"({command}) 2>&1 || echo refused", check=False)
        assert "Read-only file system" in said, f"{command}: {said}"
        assert "refused" in said


def test_the_worker_is_nobody_to_the_api_server(shared: Namespace, spy: Job) -> None:
    """Which answers an anonymous request for ConfigMaps, its job's or any, with a refusal."""
    pod, own = name_of(small.first_pod(spy)), Names.of(spy.name, spy.uid).header
    paths = [CONFIG_MAPS.path(shared.name), CONFIG_MAPS.path(shared.name, own), SECRETS.path(shared.name)]
    answers = shared.execute(pod, "python3", "-c", ASK, "/version", *paths).split()
    assert answers[0] == "answered", "the API server can be reached"
    assert set(answers[1:]) <= {"401", "403"}, answers


def test_all_of_it_is_admitted_as_restricted(cluster: Cluster, shared: Namespace, spy: Job, other: Job) -> None:
    """The namespaces of tests enforce it; the operator's own pods would be admitted too."""
    enforced = cluster.api.request("GET", f"/api/v1/namespaces/{shared.name}")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    body = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    warnings = cluster.api.warnings("PATCH", f"/api/v1/namespaces/{SYSTEM}", body, {"dryRun": "All"})
    assert not warnings


# --- the agent's token ------------------------------------------------------------------------------------------------


def test_an_agent_may_touch_its_own_state_only(cluster: Cluster, shared: Namespace, spy: Job, other: Job) -> None:
    """Every verb on every kind, tried with its token: but for a few on its job's own objects, all are refused."""
    token = shared.execute(name_of(small.first_pod(spy)), "cat", TOKEN, container=pod_layout.AGENT)
    agent = cluster.api.with_token(token)

    def allowed(method: str, path: str, body: Json | None = None, **query: str) -> bool:
        writes = {} if method == "GET" else {"dryRun": "All"}
        try:
            agent.request(method, path, body, {**writes, **query})
        except ApiError as error:
            if error.status == 401:
                raise
            return error.status != 403
        return True

    own = Names.of(spy.name, spy.uid)
    header = cluster.api.request("GET", CONFIG_MAPS.path(shared.name, own.header))
    lease = cluster.api.request("GET", LEASES.path(shared.name, own.node(0)))
    assert allowed("GET", CONFIG_MAPS.path(shared.name, own.header))
    assert allowed("PUT", CONFIG_MAPS.path(shared.name, own.header), header)
    assert allowed("GET", CONFIG_MAPS.path(shared.name, own.shard(0)))
    assert allowed("GET", LEASES.path(shared.name, own.node(0)))
    assert allowed("PUT", LEASES.path(shared.name, own.node(0)), lease)

    tried = list(attempts(shared, spy, other))
    may = [f"{method} {path}" for method, path, body, query in tried if allowed(method, path, body, **query)]
    assert not may, "the agent may:\n" + "\n".join(may)


def attempts(namespace: Namespace, spy: Job, other: Job) -> Iterator[Attempt]:
    """What no agent of ``spy`` may do."""
    here, own, others = namespace.name, Names.of(spy.name, spy.uid), Names.of(other.name, other.uid)
    pods = [name_of(job.pods()[0]) for job in (spy, other)]
    objects = [
        *((CONFIG_MAPS, name) for name in (others.header, others.shard(0), others.settings, "code")),
        (LEASES, others.node(0)),
        *((kind, names.base) for names in (own, others) for kind in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, JOBS)),
        *((PODS, pod) for pod in pods),
        *((PARALLEL_RUN_JOBS, job.name) for job in (spy, other)),
        (CLAIMS, "parallelrun"),
        (SECRETS, "any"),
        (EVENTS, "any"),
        *((kind, "any") for kind in REGISTERED if kind is not MODELS),
    ]
    for kind, name in [*objects, (CONFIG_MAPS, own.settings)]:
        path = kind.path(here, name)
        yield "GET", path, None, {}
        yield from changes(kind, path, name)
    for kind, name in ((CONFIG_MAPS, own.header), (CONFIG_MAPS, own.shard(0)), (LEASES, own.node(0))):
        yield "PATCH", kind.path(here, name), {"metadata": {"labels": {"a": "b"}}}, {}
        yield "DELETE", kind.path(here, name), None, {}
    for kind in sorted({kind for kind, _ in objects}, key=lambda kind: kind.plural):
        yield "GET", kind.path(here), None, {}
        yield "GET", kind.path(here), None, {"watch": "true", "timeoutSeconds": "1"}
        yield "POST", kind.path(here), content(kind, "new"), {}
        yield "DELETE", kind.path(here), None, {}
        yield "GET", kind.path(SYSTEM), None, {}
        yield "GET", kind.path(), None, {}
    for pod in pods:
        yield "GET", PODS.path(here, pod, "log"), None, {}
        yield "POST", PODS.path(here, pod, "exec"), None, {"command": "true", "container": pod_layout.AGENT}
        yield "POST", PODS.path(here, pod, "eviction"), {"metadata": {"name": pod}}, {}
    yield "GET", MODELS.path(here, "any"), None, {}  # they may be listed, for scripts that ask
    yield from changes(MODELS, MODELS.path(here, "any"), "any")
    yield "GET", MODELS.path(SYSTEM), None, {}
    request: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    yield "POST", SERVICE_ACCOUNTS.path(here, own.base, "token"), request, {}
    yield "PATCH", PARALLEL_RUN_JOBS.path(here, spy.name, "status"), {"status": {"phase": "Done"}}, {}
    yield "PATCH", PARALLEL_RUN_JOBS.path(here, spy.name, "scale"), {"spec": {"replicas": 3}}, {}
    for path in ("/api/v1/nodes", "/api/v1/namespaces", "/api/v1/persistentvolumes", "/metrics"):
        yield "GET", path, None, {}


def changes(kind: Resource, path: str, name: str) -> Iterator[Attempt]:
    yield "PUT", path, content(kind, name), {}
    yield "PATCH", path, {"metadata": {"labels": {"a": "b"}}}, {}
    yield "DELETE", path, None, {}


def content(kind: Resource, name: str) -> Json:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}


# --- what they are allowed, as a list ---------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "agent"])
def test_rights_are_those_that_are_written_down(cluster: Cluster, shared: Namespace, spy: Job, who: str) -> None:
    """`kubectl auth can-i --list`, compared with a file that people review; no wildcards, and no Secrets."""
    base = Names.of(spy.name, spy.uid).base
    account = {"operator": f"{SYSTEM}:parallelrun-operator", "agent": f"{shared.name}:{base}"}[who]
    command = ("auth", "can-i", "--list", "--no-headers", "--as", f"system:serviceaccount:{account}")
    told = shared.kubectl(*command).replace(base, "JOB")
    # Rows of URLs are those that every ServiceAccount may read: versions, discovery, health.
    rows = sorted(re.sub(r"\s{2,}", "  ", line.strip()) for line in told.splitlines() if not line.startswith(" "))
    assert not [row for row in rows if "*" in row or "secrets" in row]
    assert "\n".join(rows) + "\n" == (RIGHTS / f"{who}.txt").read_text()
