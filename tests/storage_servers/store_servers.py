"""Real object stores on 127.0.0.1, each a context manager that makes boxes: buckets, containers, or a web folder."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from gcs_xml import GcsXml
from web_server import WebServer

from parallelrun.api.settings import StoreSettings

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".tools"
DEADLINE_SECONDS = 30.0
#: Of the account that Azurite has, as everybody knows it.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
S3_KEY, S3_SECRET = "test-key", "test-secret"


@dataclass
class Box:
    """A bucket, container or web folder, with the settings by which a job knows it."""

    store: StoreSettings
    folder: Path | None = None  # where its files are on this machine, if they are
    server: Any = None

    @property
    def url(self) -> str:
        """What keys are below."""
        return self.store.url

    def behind(self, proxy_url: str) -> StoreSettings:
        """Its settings with a proxy in its server's place."""
        path = urllib.parse.urlsplit(self.store.endpoint).path
        return replace(self.store, endpoint=proxy_url + path)

    @property
    def server_url(self) -> str:
        """The server's address without a path, for a proxy."""
        parts = urllib.parse.urlsplit(self.store.endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        if self.store.kind == "https":
            assert self.folder is not None
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + "~")
            temporary.write_bytes(data)
            os.replace(temporary, path)
        elif self.store.kind == "gcs":
            name = urllib.parse.quote(key, safe="")
            _post(f"{self.store.endpoint}/upload/storage/v1/b/{self.store.bucket}/o?uploadType=media&name={name}", data)
        else:
            self._obstore().put(key, data)

    def delete(self, key: str) -> None:
        """Remove an object."""
        if self.store.kind == "https":
            assert self.folder is not None
            (self.folder / key).unlink()
        else:
            self._obstore().delete(key)

    def _obstore(self) -> Any:
        from parallelrun_agent.storage.clients import Client

        return Client(self.store).store()


def install(name: str) -> None:
    """Have a server installed; skips the test where that is impossible, but fails it in CI."""
    script = REPOSITORY / "tools" / "storage" / "servers.sh"
    made = subprocess.run([str(script), name], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if made.returncode:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"{name} cannot be installed by tools/storage/servers.sh: {made.stderr.strip()[-500:]}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def _running(folder: Path, port: int, *command: object) -> Iterator[None]:
    """A server until the end; its output is in ``folder``/server.log."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([str(w) for w in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def secret(folder: Path, **keys: str) -> str:
    """A mounted Secret: a file for each key; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in keys.items():
        (folder / name).write_text(value)
    return str(folder)


class Azure:
    """Azurite, in memory."""

    kind = "azureBlob"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[Azure]:
        install("azurite")
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        program = TOOLS / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        options = ("--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry")
        with _running(self._folder, port, _node(), program, "--blobHost", "127.0.0.1", "--blobPort", port, *options):
            yield self

    def box(self, name: str) -> Box:
        """A new container, and a datastore of that name."""
        date, version = email.utils.formatdate(usegmt=True), "2021-12-02"
        path = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
        signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n{path}"
        digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
        headers = {
            "x-ms-date": date,
            "x-ms-version": version,
            "Authorization": f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}",
        }
        request = urllib.request.Request(f"{self.endpoint}/{name}?restype=container", method="PUT", headers=headers)
        with urllib.request.urlopen(request, timeout=10):
            pass
        credentials = secret(self._folder / f"secret-{name}", accountKey=AZURE_KEY)
        return Box(
            StoreSettings(
                url=f"datastore://{name}",
                kind=self.kind,
                name=name,
                bucket=name,
                account=AZURE_ACCOUNT,
                endpoint=self.endpoint,
                credentials=credentials,
            )
        )


def _node() -> str:
    found = shutil.which("node")
    assert found is not None, "tools/storage/servers.sh needed it"
    return found


class S3:
    """versitygw over a folder: files put there by hand have no ETag."""

    kind = "s3"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[S3]:
        install("versitygw")
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        (self._folder / "buckets").mkdir()
        program = TOOLS / "bin" / "versitygw"
        options = ("--access", S3_KEY, "--secret", S3_SECRET, "--port", f"127.0.0.1:{port}", "--quiet")
        with _running(self._folder, port, program, *options, "posix", self._folder / "buckets"):
            yield self

    def box(self, name: str) -> Box:
        """A new bucket, and a datastore of that name."""
        (self._folder / "buckets" / name).mkdir()
        credentials = secret(self._folder / f"secret-{name}", accessKeyId=S3_KEY, secretAccessKey=S3_SECRET)
        return Box(
            StoreSettings(
                url=f"datastore://{name}",
                kind=self.kind,
                name=name,
                bucket=name,
                region="us-east-1",
                endpoint=self.endpoint,
                credentials=credentials,
            ),
            self._folder / "buckets" / name,
        )


class Gcs:
    """fake-gcs-server, with the API that obstore writes with in front of it."""

    kind = "gcs"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[Gcs]:
        install("fake-gcs-server")
        port = free_port()
        program = TOOLS / "bin" / "fake-gcs-server"
        address = ("-scheme", "http", "-host", "127.0.0.1", "-port", port, "-public-host", f"127.0.0.1:{port}")
        server = _running(self._folder, port, program, *address, "-backend", "memory", "-log-level", "error")
        with server, GcsXml(f"http://127.0.0.1:{port}") as front:
            self.endpoint = front.url
            yield self

    def box(self, name: str) -> Box:
        """A new bucket, and a datastore of that name."""
        _post(f"{self.endpoint}/storage/v1/b?project=test", json.dumps({"name": name}).encode(), "application/json")
        account = {"disable_oauth": True} | dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        credentials = secret(self._folder / f"secret-{name}", serviceAccountKey=json.dumps(account))
        return Box(
            StoreSettings(
                url=f"datastore://{name}",
                kind=self.kind,
                name=name,
                bucket=name,
                endpoint=self.endpoint,
                credentials=credentials,
            )
        )


def _post(url: str, data: bytes, kind: str = "application/octet-stream") -> None:
    request = urllib.request.Request(url, data=data, method="POST", headers={"content-type": kind})
    with urllib.request.urlopen(request, timeout=10):
        pass


class Web:
    """A web server over a folder."""

    kind = "https"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[Web]:
        (self._folder / "www").mkdir()
        with WebServer(self._folder / "www") as self._server:
            yield self

    def box(self, name: str) -> Box:
        """A new folder, and a datastore of that name."""
        folder = self._folder / "www" / name
        folder.mkdir()
        url = f"{self._server.url}/{name}"
        store = StoreSettings(url=f"datastore://{name}", kind=self.kind, name=name, endpoint=url, anonymous=True)
        return Box(store, folder, self._server)


#: By the kind of their stores.
SERVERS: dict[str, type[Azure | S3 | Gcs | Web]] = {one.kind: one for one in (S3, Azure, Gcs, Web)}
