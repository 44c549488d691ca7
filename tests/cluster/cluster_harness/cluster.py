"""The test cluster: started or found by the scripts of tools/cluster, which `make cluster` runs too."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from cluster_harness.api import Api

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = REPOSITORY / "tools/cluster"
TOOLS = REPOSITORY / ".tools"
NAME = os.environ.get("PARALLELRUN_CLUSTER", "parallelrun")


class ScriptFailed(Exception):
    """A script of tools/cluster said no; its words."""


def script(name: str, *arguments: str) -> str:
    """Run a script of tools/cluster; what it printed. Raises ScriptFailed."""
    done = subprocess.run([str(SCRIPTS / name), *arguments], capture_output=True, text=True, cwd=REPOSITORY)
    if done.returncode:
        said = done.stderr.strip()
        if len(said) > 6000:  # what is wrong stands before what was there
            said = f"{said[:3000]} ... {said[-3000:]}"
        raise ScriptFailed(f"tools/cluster/{name}: {said}")
    return done.stdout.strip()


class Cluster:
    """A control plane and a worker that answer, with the operator of this checkout installed."""

    kubeconfig = TOOLS / "kubeconfig"
    #: What a test's own commands run with: our kubectl and helm first on PATH, and this cluster.
    environment = os.environ | {"PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig)}

    def __init__(self) -> None:
        self.api = Api(self.kubeconfig)

    @classmethod
    def started(cls) -> Cluster:
        """Started, with what has changed since built, loaded and installed.

        Where no Docker can run, tests are skipped on a developer's machine, and fail in CI. The scripts
        wait for each other, so that any number of processes may do this at once.
        """
        try:
            script("engine.sh")
        except ScriptFailed as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no cluster without Docker: {error}")
        for name in ("up.sh", "images.sh", "install.sh"):
            script(name)
        return cls()

    def load_image(self, name: str) -> str:
        """Build and load one more of our images, such as runner-tensorflow; its reference."""
        script("images.sh", name)
        return f"parallelrun/{name}:{self.version}"

    @functools.cached_property
    def version(self) -> str:
        """The project's version, which is the tag of its images."""
        return str(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"])

    def run(self, *command: str, stdin: str | None = None, check: bool = True, seconds: float = 120) -> str:
        """Run kubectl, helm or another command against this cluster; what it printed on stdout."""
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=self.environment, cwd=REPOSITORY, timeout=seconds
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()[-4000:]}")
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, seconds: float = 120) -> str:
        """As typed; slower than ``api``, so not for polling."""
        return self.run("kubectl", *arguments, stdin=stdin, check=check, seconds=seconds)

    @property
    def nodes(self) -> list[str]:
        """Names of all nodes, which are those of their containers too."""
        return sorted(node["metadata"]["name"] for node in self.api.items("/api/v1/nodes"))

    @functools.cached_property
    def volumes(self) -> Path:
        """The folder of this machine that all volumes are made in; folders NAMESPACE/CLAIM."""
        mounts = json.loads(self.run("docker", "inspect", "--format", "{{json .Mounts}}", f"{NAME}-control-plane"))
        return Path(next(mount["Source"] for mount in mounts if mount["Destination"] == "/volumes"))

    def on_node(self, node: str, *command: str, check: bool = True) -> str:
        """Run a command on a node, as root."""
        return self.run("docker", "exec", node, *command, check=check)
