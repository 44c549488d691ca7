"""A real API server for tests: etcd and kube-apiserver as plain processes, without any node."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parallelrun.kube.client import Kube

TOOLS = Path(__file__).parents[3] / ".tools" / "bin"
DEADLINE_SECONDS = 60.0
#: Of a user in system:masters.
ADMIN_TOKEN = "admin-token"


def program(name: str) -> str:
    """The path of ``name``; skips the test where there is none, but fails it in CI."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), str(TOOLS)]))
    if found is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"{name} is not installed: run `make cluster-tools`, or put it on PATH")
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class ApiServer:
    """etcd and an API server in ``folder``, with RBAC and a token for the administrator."""

    folder: Path
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> ApiServer:
        """Started; stopped in any case at the end."""
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> ApiServer:
        etcd, kube_apiserver = program("etcd"), program("kube-apiserver")
        self.etcd_port = free_port()
        here = f"http://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{free_port()}"
        self._keys()
        self._start(
            *("etcd", etcd, "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "error"),
            *("--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", peer),
            *("--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        )
        self._command = [
            *(kube_apiserver, "--etcd-servers", here, "--secure-port", str(self.port), "--bind-address", "127.0.0.1"),
            *("--cert-dir", str(self.folder / "certs"), "--service-cluster-ip-range", "10.0.0.0/24"),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", str(self.folder / "sa.pub")),
            *("--service-account-signing-key-file", str(self.folder / "sa.key")),
            *("--token-auth-file", str(self.folder / "tokens.csv"), "--authorization-mode", "RBAC"),
            *("--disable-admission-plugins", "ServiceAccount", "--anonymous-auth=false", "--profiling=false"),
        ]
        self.start_api_server()
        return self

    def start_api_server(self) -> None:
        """Start the API server, again after :meth:`kill_api_server`, and wait until it is ready."""
        self._start("kube-apiserver", *self._command)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._ready():
            if self.processes["kube-apiserver"].poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the API server did not become ready:\n{self._log('kube-apiserver')}")
            time.sleep(0.05)

    def kill_api_server(self) -> None:
        """SIGKILL: open connections are cut, whatever was under way."""
        self._kill("kube-apiserver")

    def stop(self) -> None:
        for name in list(self.processes):
            self._kill(name)

    def kubeconfig(self, token: str = ADMIN_TOKEN, namespace: str = "default") -> Path:
        """A kubeconfig for whoever has ``token``."""
        path = self.folder / f"kubeconfig-{abs(hash(token))}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": self.url, "insecure-skip-tls-verify": True}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it", "namespace": namespace}}],
            "users": [{"name": "it", "user": {"token": token}}],
        }
        path.write_text(json.dumps(config))  # which is YAML too
        return path

    async def kube(self, token: str = ADMIN_TOKEN) -> Kube:
        """A client for whoever has ``token``; close it."""
        return await Kube.from_kubeconfig(str(self.kubeconfig(token)))

    def _ready(self) -> bool:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        request = urllib.request.Request(f"{self.url}/readyz", headers=headers)
        trusting = ssl._create_unverified_context()  # its certificate is its own
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _keys(self) -> None:
        key, public = str(self.folder / "sa.key"), str(self.folder / "sa.pub")
        for command in (["genrsa", "-out", key, "2048"], ["rsa", "-in", key, "-pubout", "-out", public]):
            subprocess.run([program("openssl"), *command], check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")

    def _start(self, name: str, *command: object) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def _kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
