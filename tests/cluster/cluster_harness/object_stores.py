"""Real object stores inside the cluster: Azurite, versitygw and a web server, each a pod and a service.

Their programs are those that tests on this machine run; pods find them on a volume, so that no image has to be built.
Tests fill them, and look into them, from this machine, by the node's own address.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
from typing import Any

import store_servers
from store_servers import AZURE_ACCOUNT, AZURE_KEY, S3_KEY, S3_SECRET, Box

from cluster_harness.cluster import NAME, TOOLS, Cluster
from cluster_harness.namespace import Namespace
from cluster_harness.waiting import wait_for
from parallelrun.api.settings import StoreSettings
from parallelrun.kube.resources import PODS, Resource
from parallelrun_agent.storage import Storage

Json = dict[str, Any]

SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
#: Serves /www with ranges, ETag and Last-Modified; what is in a folder that is closed, when that is open again.
_WEB = """
import asyncio, os
from aiohttp import web

@web.middleware
async def gate(request, handler):
    while os.path.exists(f"/data/www/{request.path.split('/')[1]}/.closed"):
        await asyncio.sleep(0.1)
    return await handler(request)

app = web.Application(middlewares=[gate])
app.router.add_static("/", "/data/www")
web.run_app(app, port=80)
"""
_AZURITE = "/servers/azurite/node_modules/azurite/dist/src/blob/main.js"
_VERSITYGW = ["/servers/versitygw", "--secret", S3_SECRET, "--port", "0.0.0.0:7070", "--quiet"]
#: Another S3 server over the same buckets: with the access key that a file has, and none while there is no file.
_PASSING = f"""
import os, subprocess, time

key, server = "", None
while True:
    time.sleep(0.05)
    wanted = open("/data/key").read() if os.path.exists("/data/key") else ""
    if wanted == key:
        continue
    key = wanted
    if server:
        server.kill()
        server.wait()
    server = subprocess.Popen([*{_VERSITYGW}, "--access", key, "posix", "/data/buckets"]) if key else None
"""
_PROGRAMS: dict[str, tuple[int, list[str]]] = {
    "azurite": (
        10000,
        ["/servers/node", _AZURITE, "--blobHost", "0.0.0.0", "--blobPort", "10000", "--inMemoryPersistence", "--silent",
         "--skipApiVersionCheck", "--disableTelemetry", "--disableProductStyleUrl"],
    ),
    "s3": (7070, [*_VERSITYGW, "--access", S3_KEY, "posix", "/data/buckets"]),
    "passing": (7070, ["python3", "-c", _PASSING]),
    "web": (80, ["python3", "-c", _WEB]),
}  # fmt: skip


class ObjectStores:
    """Started by :meth:`start`, gone with all that is in them by :meth:`remove`."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._namespace = Namespace(cluster, f"test-object-stores-{secrets.token_hex(3)}")
        self._folder = cluster.volumes / self._namespace.name

    def start(self) -> None:
        """Until all of them answer."""
        for name in ("azurite", "versitygw"):
            store_servers.install(name)
        self._lay_out()
        name = self._namespace.name
        body = {"metadata": {"name": name}}  # not restricted: they read the machine
        self.cluster.api.request("POST", "/api/v1/namespaces", body)
        for server, (port, command) in _PROGRAMS.items():
            self.cluster.api.request("POST", PODS.path(name), self._pod(server, port, command))
            spec = {"type": "NodePort", "selector": {"server": server}, "ports": [{"port": port}]}
            service = {"metadata": {"name": server}, "spec": spec}
            self.cluster.api.request("POST", SERVICES.path(name), service)
        for server in _PROGRAMS:
            wait_for(lambda server=server: self._answers(server), 90, f"{server} does not answer")

    def remove(self) -> None:
        """With all that is in them."""
        self._namespace.remove()

    # --- a server that goes away ---

    def passing(self, key: str) -> str:
        """Another S3 server over the same buckets answers, with the access key ``key``; its endpoint for pods."""
        self._has_key(key)
        wait_for(lambda: self._answers("passing"), 30, "the server that comes and goes does not answer")
        return f"http://passing.{self._namespace.name}:{_PROGRAMS['passing'][0]}"

    def pass_away(self) -> None:
        """Nobody answers there any more."""
        (self._folder / "key").unlink()
        wait_for(lambda: not self._answers("passing"), 30, "the server that was to go still answers")

    def _has_key(self, key: str) -> None:
        new = self._folder / "key.new"
        new.write_text(key)
        os.replace(new, self._folder / "key")

    # --- boxes ---

    def azure(self, name: str) -> Box:
        """A new container."""
        server = store_servers.Azure(self._folder)
        server.endpoint = f"http://{self._address('azurite')}/{AZURE_ACCOUNT}"
        return server.box(name)

    def s3(self, name: str) -> Box:
        """A new bucket."""
        server = store_servers.S3(self._folder)
        server.endpoint = f"http://{self._address('s3')}"
        return server.box(name)

    def web(self, name: str) -> Box:
        """A new folder of the web server."""
        folder = self._folder / "www" / name
        folder.mkdir()
        url = f"http://{self._address('web')}/{name}"
        return Box(StoreSettings(url=url, kind="https", name=name, endpoint=url, anonymous=True), folder)

    def datastore(self, box: Box, name: str, **spec: Any) -> Json:
        """The Datastore of a box as pods reach it; ``spec`` has more fields, such as secretRef."""
        store = box.store
        place: dict[str, Json] = {
            "azureBlob": {"account": store.account, "container": store.bucket, "endpoint": self.endpoint("azureBlob")},
            "s3": {"bucket": store.bucket, "region": store.region, "endpoint": self.endpoint("s3")},
            "https": {"url": f"{self.endpoint('https')}/{store.name}"},
        }
        return {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "Datastore",
            "metadata": {"name": name.lower().replace("_", "-")},
            "spec": {"name": name, store.kind: place[store.kind], **spec},
        }

    def endpoint(self, kind: str) -> str:
        """Of a kind of store, inside the cluster."""
        server = {"azureBlob": "azurite", "s3": "s3", "https": "web"}[kind]
        return f"http://{server}.{self._namespace.name}:{_PROGRAMS[server][0]}" + (
            f"/{AZURE_ACCOUNT}" if server == "azurite" else ""
        )

    # --- how they run ---

    def _lay_out(self) -> None:
        """Programs and folders, where the nodes see them; of the programs only names are new."""
        servers, node = self._folder / "servers", shutil.which("node")
        assert node is not None, "tools/storage/servers.sh needed it"
        servers.mkdir(parents=True)
        for folder in ("buckets", "www"):
            (self._folder / folder).mkdir()
        self._has_key(S3_KEY)
        shutil.copytree(TOOLS / "azurite", servers / "azurite", copy_function=_link, symlinks=True)
        shutil.copy2(os.path.realpath(node), servers / "node")
        shutil.copy2(TOOLS / "bin" / "versitygw", servers / "versitygw")

    def _pod(self, server: str, port: int, command: list[str]) -> Json:
        mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("data", "servers")]
        place = f"/volumes/{self._namespace.name}"
        container = {
            "name": "server",
            "image": f"parallelrun/runner:{self.cluster.version}",
            "command": command,
            "securityContext": {"runAsUser": 0},
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
            "volumeMounts": mounts,
        }
        volumes = [
            {"name": "data", "hostPath": {"path": place}},
            {"name": "servers", "hostPath": {"path": f"{place}/servers"}},
        ]
        spec = {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 1}
        return {"metadata": {"name": server, "labels": {"server": server}}, "spec": spec}

    def _answers(self, server: str) -> bool:
        """By way of its service, which knows of its pod a little after the pod is ready."""
        host, _, port = self._address(server).partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True

    def _address(self, server: str) -> str:
        """By which this machine reaches it."""
        service = self._namespace.get(SERVICES, server) or {}
        return f"{self._node}:{service['spec']['ports'][0]['nodePort']}"

    @property
    def _node(self) -> str:
        networks = self.cluster.run(
            "docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", f"{NAME}-control-plane"
        )
        return str(next(iter(json.loads(networks).values()))["IPAddress"])


def _link(source: str, target: str) -> None:
    """A new name where that is possible, since there are thousands of files; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def secret(namespace: Namespace, name: str, **keys: str) -> None:
    """Make or replace a Secret."""
    data = {key: base64.b64encode(text.encode()).decode() for key, text in keys.items()}
    body = {"metadata": {"name": name}, "data": data}
    if namespace.get(SECRETS, name):
        namespace.api.request("PUT", SECRETS.path(namespace.name, name), body)
    else:
        namespace.api.request("POST", SECRETS.path(namespace.name), body)


def read(box: Box, key: str) -> bytes | None:
    """An object as this machine reads it; None where there is none."""
    return Storage([box.store]).get(f"{box.url}/{key}")


AZURE_SECRET = {"accountKey": AZURE_KEY}
S3_SECRETS = {"accessKeyId": S3_KEY, "secretAccessKey": S3_SECRET}
