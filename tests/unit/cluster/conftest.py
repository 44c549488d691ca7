"""A real API server with the definition of ParallelRunJob, and the command, called in this process."""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ApiServer

from parallelrun.api import crd
from parallelrun.cli.main import main
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS, PIPELINES, REGISTERED

READY_SECONDS = 30.0
MANIFEST: dict[str, Any] = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "ParallelRunJob",
    "metadata": {"name": "mnist"},
    "spec": {
        "source": {"directory": "code"},
        "entryScript": "score.py",
        "inputs": [{"name": "images", "type": "File", "paths": ["images"]}],
    },
}


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        _in(server, _define)
        yield server


def _in(server: ApiServer, work: Callable[[Kube], Awaitable[Any]]) -> Any:
    async def talk() -> Any:
        async with await server.kube() as kube:
            return await work(kube)

    return asyncio.run(talk())


async def _define(kube: Kube) -> None:
    for definition in crd.definitions().values():
        await kube.create(definition)
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                for kind in (PARALLEL_RUN_JOBS, PIPELINES, PIPELINE_RUNS, *REGISTERED):
                    await kube.list_objects(kind, "default")
                return
            except Exception:  # not served yet
                await asyncio.sleep(0.1)


@pytest.fixture
def ask(api_server: ApiServer) -> Callable[[Callable[[Kube], Awaitable[Any]]], Any]:
    """Does something with a client of the administrator's."""
    return lambda work: _in(api_server, work)


@pytest.fixture
def namespace(ask: Callable[..., Any]) -> str:
    """A namespace of the test's own."""
    name = f"team-{secrets.token_hex(4)}"
    ask(lambda kube: kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    return name


@pytest.fixture
def call(
    api_server: ApiServer, namespace: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., Answer]:  # fmt: skip
    """Runs `parallelrun` with these words in an empty folder, as the administrator, in the test's namespace."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "kubeconfig"
    own.write_bytes(api_server.kubeconfig(namespace=namespace).read_bytes())
    monkeypatch.setenv("KUBECONFIG", str(own))

    def run(*words: object) -> Answer:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes job.yaml, and a source folder beside it."""

    def write(*others: dict[str, Any], metadata: dict[str, Any] | None = None, **spec: Any) -> Path:
        value = copy.deepcopy(MANIFEST)
        value["metadata"] = metadata or value["metadata"]
        value["spec"] |= spec
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
        path = tmp_path / "job.yaml"
        path.write_text(yaml.safe_dump_all([value, *others]))
        return path

    return write
