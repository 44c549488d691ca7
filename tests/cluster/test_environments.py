"""Packages that jobs list: installed once for all pods and jobs that list the same, from wheels on the claim."""

from __future__ import annotations

import base64

import pytest
from cluster_harness import small
from cluster_harness.job import Job, name_of
from cluster_harness.namespace import Namespace
from cluster_harness.wheel import WHEEL, write_wheel

from parallelrun.api import conditions, pod_layout

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SCRIPT = "import tiny\n" + small.SCRIPT.replace(".upper()", ".upper() * tiny.VALUE")
SOON_SECONDS = 90
INSTALLING = "installing the job's packages"


@pytest.fixture(scope="module")
def wheels(shared: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Namespace:
    """The namespace, with a wheel on its claim, a script that needs it and files that list it."""
    small.files(shared)
    files = {
        "shout.py": SCRIPT,
        "requirements.txt": "-r more.txt\n",
        "more.txt": "tiny==1.0\n",
        "conda.yml": "dependencies: [python]\n",
    }
    shared.config_map("code", files)
    wheel = base64.b64encode(write_wheel(tmp_path_factory.mktemp("wheels")).read_bytes()).decode()
    folder = f"/volumes/{shared.name}/parallelrun/wheels"
    node = shared.cluster.nodes[0]
    shared.cluster.on_node(node, "sh", "-c", f"mkdir -p {folder} && echo {wheel} | base64 -d >{folder}/{WHEEL}")
    return shared


def said(job: Job) -> list[str]:
    """What the containers that install said, of each living pod."""
    return [job.namespace.logs(name_of(pod), pod_layout.ENVIRONMENT_INIT) for pod in job.pods()]


@pytest.fixture(scope="module")
def first(wheels: Namespace) -> Job:
    """A job of two nodes that both run."""
    job = wheels.submit(small.manifest("first", wait=True, nodeCount=2, environment={"pip": ["tiny"]}))
    job.wait_pods(2, 180)
    return job


def test_two_nodes_install_once_and_the_next_job_not_at_all(wheels: Namespace, first: Job) -> None:
    assert "".join(said(first)).count(INSTALLING) == 1, said(first)
    again = wheels.submit(small.manifest("again", wait=True, environment={"pip": ["tiny"]}))
    again.wait_pods(1)
    assert INSTALLING not in "".join(said(again))
    assert pod_layout.ENVIRONMENT in "".join(said(again))
    for job in (first, again):
        small.let_end(job)
    small.assert_done(first, again)


def test_a_script_can_read_its_packages_and_write_none(wheels: Namespace) -> None:
    """Nor does it see those of jobs that list others."""
    job = wheels.submit(small.manifest("curious", wait=True, environment={"requirements": "requirements.txt"}))
    pod = name_of(small.first_pod(job))
    find = ["sh", "-c", f"ls -d {pod_layout.ENVIRONMENT}/*/1/bin/python; touch {pod_layout.ENVIRONMENT}/x 2>&1"]
    found = wheels.execute(pod, *find, check=False)
    assert found.count("/bin/python") == 1
    assert "Read-only file system" in found
    small.let_end(job)
    small.assert_done(job)


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("wrong-name", {"pip": ["tinny"]}, ("Could not install the job's packages", "tinny")),
        ("no-conda", {"conda": "conda.yml"}, ("spec.environment.conda", "neither micromamba nor mamba nor conda")),
        ("no-file", {"requirements": "nothere.txt"}, ("spec.environment.requirements: nothere.txt does not exist",)),
    ],
)
def test_what_cannot_be_installed_fails_the_job_in_the_installer_s_words(
    wheels: Namespace, name: str, asked: dict[str, object], words: tuple[str, ...]
) -> None:
    job = wheels.submit(small.manifest(name, environment=asked))
    ending = job.wait_failed(SOON_SECONDS)
    assert ending["reason"] == conditions.ENVIRONMENT_ERROR
    for text in words:
        assert text in ending["message"]


def test_an_index_that_does_not_answer_is_told_and_tried_again(wheels: Namespace) -> None:
    variables = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    asked = {"pip": ["elsewhere"], "env": [{"name": name, "value": value} for name, value in variables.items()]}
    job = wheels.submit(small.manifest("unreachable", environment=asked))
    stalled = job.wait_for_condition(conditions.STALLED, SOON_SECONDS)
    assert stalled["reason"] == "EnvironmentFailed"
    assert "127.0.0.1:9" in stalled["message"]
    assert job.condition(conditions.FAILED) is None
    job.delete()
