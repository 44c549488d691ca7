"""A job whose agents and worker hosts are processes of the test, as containers would be, on a real API server.

The test plays operator (it makes the objects, and expires nobody) and kubelet (it starts hosts again).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from api_server import ApiServer
from store_objects import NAMESPACE, grant, make_objects, new_names, operators_store, until_allowed

import parallelrun_worker
from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.kube.lease_store import KubeStore
from parallelrun.kube.names import Names
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header

T = TypeVar("T")
HOST = Path(parallelrun_worker.__file__).with_name("host.py")
DEADLINE_SECONDS = 40.0


@dataclass
class Node:
    """One pod's two containers."""

    agent: subprocess.Popen[bytes]
    host: subprocess.Popen[bytes]
    meeting: Path
    holder: str
    files: Path  # prefix of the containers' logs
    ended: list[subprocess.Popen[bytes]] = field(default_factory=list)  # earlier hosts

    def agent_log(self) -> str:
        return self.files.with_suffix(".agent").read_text()

    def worker_log(self) -> str:
        return self.files.with_suffix(".worker").read_text()

    def leaves(self) -> int:
        """The agent's exit code."""
        try:
            return self.agent.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent does not leave:\n{self.agent_log()}") from None

    def start_host(self) -> None:
        """As kubelet does when the worker's container ended, at once."""
        self.ended.append(self.host)
        with self.files.with_suffix(".worker").open("ab") as log:
            self.host = subprocess.Popen(
                [sys.executable, str(HOST), str(self.meeting)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


@dataclass
class JobOnServer:
    """One job."""

    server: ApiServer
    folder: Path
    names: Names = field(default_factory=new_names)
    nodes: list[Node] = field(default_factory=list)
    token: str = ""

    def prepare(self, script: str, items: int, **settings: Any) -> JobOnServer:
        """What the operator and ``prepare`` leave behind; a mini-batch an item, named 0000.txt and so on."""
        self.items = items
        for name in ("in", "job", "source"):
            (self.folder / name).mkdir()
        for n in range(items):
            (self.folder / "in" / f"{n:04d}.txt").write_text("")
        (self.folder / "source" / "score.py").write_text(script)
        data = str(self.folder / "in")
        base = JobSettings(
            name="mnist", uid="uid", entry_script="score.py", mini_batch_size=1,
            inputs=[InputSettings(name="in", type="File", paths=[data], root=data)],
        )  # fmt: skip
        self.settings = replace(base, in_pod=True, source=str(self.folder / "source"), **settings)
        (self.folder / "job" / layout.SETTINGS).write_text(json.dumps(self.settings.to_json()))
        self.as_operator(self._make)
        return self

    async def _make(self, store: KubeStore) -> None:
        async with await self.server.kube() as admin:
            await make_objects(admin, self.names)
            self.token = await grant(admin, self.names)
        async with await self.server.kube(self.token) as kube:
            await until_allowed(kube, self.names)
        await Leases(store).create_header(headers.new("uid", 1, "", ""))

    def as_operator(self, body: Callable[[KubeStore], Awaitable[T]]) -> T:
        async def main() -> T:
            async with operators_store(self.server, self.names) as store:
                return await asyncio.wait_for(body(store), DEADLINE_SECONDS)

        return asyncio.run(main())

    @property
    def store(self) -> str:
        """What containers are told."""
        return f"kube:{NAMESPACE}/{self.names.base}"

    def environment(self) -> dict[str, str]:
        """Of containers that speak to the API server, with the rights of the job's own service account."""
        environment = {**os.environ, "KUBECONFIG": str(self.server.kubeconfig(self.token))}
        environment.pop("KUBERNETES_SERVICE_HOST", None)
        return environment

    def run_prepare(self, spec: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        """The container ``prepare``, with ``source`` as what is mounted; it makes the job's folder and pod/source."""
        config = self.folder / "config"
        if not config.exists():  # the first pod
            config.mkdir()
            shutil.rmtree(self.folder / "job")
        settings = replace(self.settings, source=str(self.folder / "pod" / "source"))
        (config / layout.SETTINGS).write_text(json.dumps(settings.to_json()))
        (config / layout.MANIFEST).write_text(json.dumps({"spec": spec}))
        command = [
            *(sys.executable, "-m", "parallelrun_agent.pod.prepare", "--folder", str(self.folder / "job")),
            *("--code", str(self.folder / "source"), "--store", self.store, "--config", str(config)),
            *arguments,
        ]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment(), timeout=DEADLINE_SECONDS, check=False
        )

    def header(self) -> Header:
        return self.as_operator(lambda store: Leases(store).header())

    def start_node(self, number: int = 0, *arguments: str) -> Node:
        """A pod with its two containers; ``arguments`` are for the agent."""
        meeting = Path(tempfile.mkdtemp(prefix="m"))  # a socket's name may have 107 bytes
        holder = f"{os.urandom(4).hex()}-{number}"
        files = self.folder / holder
        command = [
            *(sys.executable, "-m", "parallelrun_agent", "--node", str(number), "--holder", holder),
            *("--meeting", str(meeting), "--folder", str(self.folder / "job")),
            *("--store", self.store, *arguments),
        ]
        with files.with_suffix(".agent").open("ab") as log:
            agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
        node = Node(agent, agent, meeting, holder, files)
        node.start_host()
        self.nodes.append(node)
        return node

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """The first true value of ``condition``; says what the agents logged when none came."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := condition()):
            if time.monotonic() > deadline:
                logs = "\n".join(node.agent_log() + node.worker_log() for node in self.nodes)
                raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS:g} s:\n{logs}")
            time.sleep(0.02)
        return value

    def calls(self) -> int:
        """How many mini-batches the script was called for so far; it appends to the file ``called`` beside itself."""
        path = self.folder / "source" / "called"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def output(self) -> list[str]:
        """The lines of the output, which must be whole."""
        assert (self.folder / "job" / layout.SUCCESS).exists(), "no _SUCCESS"
        return (self.folder / "job" / "parallel_run_step.txt").read_text().splitlines()

    def expected(self) -> list[str]:
        return [f"{n:04d}.txt" for n in range(self.items)]

    def close(self) -> None:
        for node in self.nodes:
            for process in (node.agent, node.host, *node.ended):
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()
            shutil.rmtree(node.meeting, ignore_errors=True)


@contextlib.contextmanager
def job_on(server: ApiServer, folder: Path) -> Iterator[JobOnServer]:
    """A job; whatever it started is ended afterwards."""
    job = JobOnServer(server, folder)
    try:
        yield job
    finally:
        job.close()
