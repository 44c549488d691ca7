"""Pages about the cluster do what they say: blocks marked ``sh cluster`` are run in order, and print what is shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_harness.cluster import REPOSITORY
from cluster_harness.namespace import Namespace

pytestmark = pytest.mark.cluster

BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
TUTORIALS = REPOSITORY / "docs" / "tutorial"
#: What examples that the default runner image runs produce: a file or a folder, as fetched and as a run here leaves it.
SMALL = {
    "iris": ("species.csv", "species.csv"),
    "sales-by-store": ("shares.csv", "shares.csv"),
    "word-count": ("outputs/counts", "counts"),
}


class Shell:
    """A folder to type commands in, with kubectl's current namespace being a test's own."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.folder = folder
        kubeconfig = folder / "kubeconfig"
        raw = namespace.cluster.kubectl("config", "view", "--raw", "--minify", "--output", "json")
        config = json.loads(raw)
        config["contexts"][0]["context"]["namespace"] = namespace.name
        kubeconfig.write_text(json.dumps(config))
        environment = namespace.cluster.environment
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"  # where parallelrun and kubectl-parallelrun are
        self.environment = {**environment, "KUBECONFIG": str(kubeconfig), "PATH": path}

    def run(self, text: str, seconds: float = 300) -> str:
        """What the commands print on stdout; all of them have to succeed."""
        command = ["bash", "-c", f"set -euo pipefail\n{text}"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=seconds
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def shell(namespace: Namespace, tmp_path: Path) -> Shell:
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    return Shell(namespace, tmp_path)


def first_job(folder: Path) -> None:
    """What the first tutorial leaves: a job, and a hundred files of which one is no number."""
    (folder / "first" / "numbers").mkdir(parents=True)
    for number in range(1, 101):
        (folder / "first" / "numbers" / f"{number}.txt").write_text("seven\n" if number == 7 else f"{number}\n")
    for _, what, body in BLOCK.findall((TUTORIALS / "first-job.md").read_text()):
        if what.startswith("file="):
            (folder / what.removeprefix("file=")).parent.mkdir(parents=True, exist_ok=True)
            (folder / what.removeprefix("file=")).write_text(body)


@pytest.mark.tensorflow
@pytest.mark.timeout(900)
def test_the_tutorial_does_what_it_says(shell: Shell, tensorflow_image: str) -> None:
    """Among other things: `kubectl apply -k examples/mnist` and nothing else, and the bytes of a laptop's run."""
    assert tensorflow_image in (REPOSITORY / "examples" / "mnist" / "cluster-job.yaml").read_text()
    first_job(shell.folder)
    printed, checked = "", 0
    for kind, what, body in BLOCK.findall((TUTORIALS / "cluster.md").read_text()):
        if what == "cluster":
            printed = shell.run(body, seconds=660)
        elif not kind:
            assert printed.endswith(body), f"the page shows {body!r}, printed was {printed!r}"
            checked += 1
    assert checked == 2
    shell.run("parallelrun run -k examples/mnist --output laptop")
    wanted = (shell.folder / "laptop" / "parallel_run_step.txt").read_bytes()
    assert (shell.folder / "mnist-results" / "parallel_run_step.txt").read_bytes() == wanted


@pytest.mark.timeout(400)
def test_the_small_examples_give_the_bytes_of_a_laptop(shell: Shell) -> None:
    """All three at once, since each takes seconds to start; `kubectl apply -k`, wait, results, as their READMEs say."""
    for name in SMALL:
        shell.run(f"kubectl apply -k examples/{name}")
    for name, (fetched, left) in SMALL.items():
        shell.run(f"kubectl wait --for=condition=Complete --timeout=120s parallelrunjob/{name}")
        shell.run(f"kubectl parallelrun results {name} --to {name}")
        shell.run(f"parallelrun run -k examples/{name} --output {name}-here")
        assert content(shell.folder / name / fetched) == content(shell.folder / f"{name}-here" / left), name


def content(path: Path) -> dict[str, bytes]:
    """A file, or the files of a folder, by name."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    assert files, path
    return {file.name: file.read_bytes() for file in files}
