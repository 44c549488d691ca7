"""Where a job's code may come from, but for ConfigMaps, which all other tests use: a claim, an image, Git."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_harness import small
from cluster_harness.cluster import REPOSITORY, Cluster
from cluster_harness.faults import CTR
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for

from parallelrun.api import conditions
from parallelrun.kube.resources import PODS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

Json = dict[str, Any]

#: Says which one it is.
SCRIPT = """
VERSION = "{}"

def run(mini_batch):
    return [VERSION + " " + open(path).read() for path in mini_batch]
"""
#: A repository of three commits, served over HTTP: v1 is a tag of the first, main is at the third.
SERVER = """
import os, sys
from wsgiref.simple_server import make_server
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

os.chdir(os.environ["HOME"])
repository = Repo.init("code", mkdir=True, default_branch=b"main")
for number, version in enumerate(("first", "second", "third")):
    os.makedirs("code/app", exist_ok=True)
    with open("code/app/score.py", "w") as file:
        file.write(sys.argv[1].format(version))
    porcelain.add(repository, [os.path.abspath("code/app/score.py")])
    author = b"A <a@example.com>"
    commit = porcelain.commit(repository, message=version.encode(), author=author, committer=author)
    print(version, commit.decode(), flush=True)
    if version == "first":
        porcelain.tag_create(repository, b"v1")
server = make_server("", 8000, make_wsgi_chain(DictBackend({"/code.git": repository})))
print("serving", flush=True)
server.serve_forever()
"""
ADD_BRANCH = """
import os
from dulwich import porcelain
porcelain.branch_create(os.environ["HOME"] + "/code", "late")
"""
IMAGE = f"parallelrun/with-code:{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> Iterator[str]:
    """The runner image with a script in /app, on all nodes."""
    script = base64.b64encode(SCRIPT.format("image").encode()).decode()
    recipe = f"""
FROM parallelrun/runner:{cluster.version}
USER 0
RUN mkdir -p /app/lib && echo {script} | base64 -d >/app/score.py && touch /app/lib/empty.py
USER 10001
"""
    cluster.run("docker", "build", "--quiet", "--tag", IMAGE, "-", stdin=recipe)
    load = str(REPOSITORY / "tools/cluster/load_image.py")
    cluster.run(str(REPOSITORY / ".venv/bin/python"), load, IMAGE, IMAGE, *cluster.nodes)
    yield IMAGE
    cluster.run("docker", "rmi", IMAGE)
    for node in cluster.nodes:
        cluster.on_node(node, *CTR, "images", "rm", f"docker.io/{IMAGE}")


@pytest.fixture(scope="module")
def server(shared: Namespace) -> str:
    """The name of the pod that serves the repository."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": f"parallelrun/runner:{shared.cluster.version}",
        "command": ["python", "-c", SERVER, SCRIPT],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "securityContext": context,
    }
    pod = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"securityContext": pod, "containers": [container], "terminationGracePeriodSeconds": 0}
    shared.api.request("POST", PODS.path(shared.name), {"metadata": {"name": "git"}, "spec": spec})
    wait_for(lambda: "serving" in shared.logs("git"), 60, lambda: f"no repository is served: {shared.logs('git')}")
    return "git"


@pytest.fixture(scope="module")
def jobs(shared: Namespace, server: str, image: str) -> dict[str, Job]:
    """A job for each source, all at once."""
    small.files(shared)
    code = f"/volumes/{shared.name}/parallelrun/code/v1"
    script = base64.b64encode(SCRIPT.format("claim").encode()).decode()
    node = shared.cluster.nodes[0]
    shared.cluster.on_node(node, "sh", "-c", f"mkdir -p {code} && echo {script} | base64 -d >{code}/score.py")
    pod = shared.get(PODS, server) or {}
    url = f"http://{pod['status']['podIP']}:8000/code.git"
    commits = dict(re.findall(r"(\w+) ([0-9a-f]{40})", shared.logs(server)))
    sources: dict[str, Json] = {
        "claim": {"source": {"claim": {"name": "parallelrun", "path": "code/v1"}}},
        "image": {"source": {"imagePath": "/app"}, "environment": {"image": image}},
        "branch": {"source": {"git": {"url": url, "ref": "main", "path": "app"}}},
        "tag": {"source": {"git": {"url": url, "ref": "v1", "path": "app"}}},
        "commit": {"source": {"git": {"url": url, "ref": commits["second"], "path": "app"}}},
        "late": {"source": {"git": {"url": url, "ref": "late", "path": "app"}}},
    }
    return {name: shared.submit(small.manifest(name, entryScript="score.py", **spec)) for name, spec in sources.items()}


@pytest.mark.parametrize(
    ("name", "version"),
    [("claim", "claim"), ("image", "image"), ("branch", "third"), ("tag", "first"), ("commit", "second")],
)
def test_a_job_runs_the_code_that_it_names(jobs: dict[str, Job], name: str, version: str) -> None:
    """Each source has a script of its own."""
    jobs[name].wait_complete(180)
    assert jobs[name].output.decode().split("\n") == [f"{version} one", f"{version} two", f"{version} three", ""]


def test_a_ref_that_is_not_there_is_told_and_waited_for(shared: Namespace, server: str, jobs: dict[str, Job]) -> None:
    """With the branches and tags that are; the job goes on when somebody pushes it."""
    job = jobs["late"]
    stalled = job.wait_for_condition(conditions.STALLED, 60)
    assert stalled["reason"] == "FetchFailed"
    assert "has no branch, tag or commit late" in stalled["message"]
    assert "main" in stalled["message"]
    shared.execute(server, "python", "-c", ADD_BRANCH, container="main")
    job.wait_complete(180)
    assert job.output.startswith(b"third one\n")
