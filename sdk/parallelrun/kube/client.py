"""The API server, dicts in and dicts out.

The kubernetes package's typed models are not used: decoding a list of 500 pods into them takes thirty times what
``json.loads`` does. A call that fails raises a class of :mod:`parallelrun.kube.errors`; nothing is tried again here,
since only the caller knows whether a write may be repeated.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

from parallelrun.kube import errors
from parallelrun.kube.access import Access, Configured, Connection, InPod
from parallelrun.kube.resources import Resource, resource_of

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
#: Lists of nothing but metadata, in pages of so many objects.
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METADATA_PAGE = 500

#: A request that is no watch.
REQUEST_SECONDS = 30.0
#: Until a server takes a connection. One that is begun while a service has no server keeps the way into nothing that
#: the kernel chose for it, also when there is a server again: only a new one gets through.
CONNECT_SECONDS = 5.0
#: Beyond its own timeoutSeconds, so long until a watch's connection counts as dead.
WATCH_GRACE_SECONDS = 15.0


class Kube:
    """One connection pool to one API server, for one event loop; an async context manager."""

    def __init__(self, access: Access, namespace: str) -> None:
        """``namespace``: the caller's own, where none is named."""
        self.namespace = namespace
        self._access = access

    @classmethod
    async def in_cluster(cls) -> Self:
        """With the pod's own service account; raises KubeError outside of a cluster."""
        access = InPod()
        return cls(access, access.namespace)

    @classmethod
    async def from_kubeconfig(cls, path: str | None = None, context: str | None = None) -> Self:
        """As kubectl finds it: ``path``, else $KUBECONFIG, else ~/.kube/config; raises KubeError."""
        from kubernetes.aio.client import Configuration
        from kubernetes.aio.config import ConfigException, list_kube_config_contexts, load_kube_config

        configuration = type.__call__(Configuration)
        try:
            await load_kube_config(config_file=path, context=context, client_configuration=configuration)
            contexts, active = list_kube_config_contexts(config_file=path)
        except (ConfigException, OSError, ValueError) as error:
            raise errors.KubeError(
                f"no cluster to speak to: {error}",
                hint="Name one with --kubeconfig and --context, or see: kubectl config get-contexts",
            ) from error
        chosen = next((one for one in contexts if one["name"] == context), active)
        return cls(Configured(configuration), (chosen or {}).get("context", {}).get("namespace") or "default")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._access.close()

    async def connection(self) -> Connection:
        """How the API server is reached, for a library that brings a client of its own; of any event loop."""
        return await self._access.connection()

    # --- objects ---

    async def get(self, resource: Resource, namespace: str | None, name: str, subresource: str = "") -> Json:
        """One object; raises NotFound."""
        return await self.request("GET", resource.path(namespace, name, subresource))

    async def list_objects(
        self, resource: Resource, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> tuple[list[Json], str]:
        """(objects, resourceVersion to watch from); each object has its apiVersion and kind, which lists leave out."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        body = await self.request("GET", resource.path(namespace), query)
        named = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**named, **item} for item in body.get("items") or []], body["metadata"]["resourceVersion"]

    async def list_metadata(self, resource: Resource, namespace: str | None = None, labels: str = "") -> list[Json]:
        """The ``metadata`` of each object, and nothing else of it."""
        found: list[Json] = []
        query = {"labelSelector": labels, "limit": str(METADATA_PAGE)}
        while True:
            body = _parsed(await self.raw("GET", resource.path(namespace), query, accept=METADATA))
            found += [item["metadata"] for item in body.get("items") or []]
            query["continue"] = body["metadata"].get("continue") or ""
            if not query["continue"]:
                return found

    async def create(self, obj: Json, dry_run: bool = False) -> Json:
        """POST; raises Conflict where it exists."""
        resource, namespace = resource_of(obj), obj["metadata"].get("namespace")
        return await self.request("POST", resource.path(namespace), {"dryRun": "All"} if dry_run else {}, obj)

    async def replace(self, obj: Json, subresource: str = "") -> Json:
        """PUT; raises Conflict where its resourceVersion is not the current one."""
        meta = obj["metadata"]
        return await self.request(
            "PUT", resource_of(obj).path(meta.get("namespace"), meta["name"], subresource), {}, obj
        )

    async def apply(
        self, obj: Json, manager: str, force: bool = True, subresource: str = "", dry_run: bool = False
    ) -> Json:
        """Server-side apply: the fields in ``obj`` become ``manager``'s; those that it had and left out are removed."""
        meta = obj["metadata"]
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        path = resource_of(obj).path(meta.get("namespace"), meta["name"], subresource)
        return await self.request("PATCH", path, query, obj, APPLY)

    async def patch(
        self, resource: Resource, namespace: str | None, name: str, patch: Json, subresource: str = ""
    ) -> Json:
        """JSON merge patch; with metadata.resourceVersion in it raises Conflict where that is not the current one."""
        return await self.request("PATCH", resource.path(namespace, name, subresource), {}, patch, MERGE)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete; False where there is no such object, or where it is not the one with this ``uid``."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            await self.request("DELETE", resource.path(namespace, name), {}, options)
        except (errors.NotFound, errors.Conflict):
            return False
        return True

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        version: str,
        seconds: float,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[tuple[str, Json]]:
        """(type, object) for each change after ``version``, for so many seconds; raises Gone and Unavailable.

        Types are ADDED, MODIFIED, DELETED. Whole seconds: less than one counts as one.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "false",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(seconds))),
            "labelSelector": labels,
            "fieldSelector": fields,
        }
        timeout = _timeout(max(1.0, seconds) + WATCH_GRACE_SECONDS)
        async with self._answer("GET", resource.path(namespace), query, timeout=timeout) as answer:
            async for line in _lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise errors.from_status(int(event["object"].get("code") or 500), event["object"])
                yield event["type"], event["object"]

    # --- anything ---

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content: str = "",
    ) -> Json:
        """One call; ``query`` entries that are "" are left out. Raises KubeError."""
        return _parsed(await self.raw(method, path, query, body, content))

    async def raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content: str = "",
        accept: str = "",
    ) -> bytes:
        """As :meth:`request`; the answer as it came (logs, metrics)."""
        async with self._answer(method, path, query or {}, body, content, _timeout(REQUEST_SECONDS), accept) as answer:
            data: bytes = await answer.read()
            return data

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose answer may go on for ever: ``content`` of what is given is its bytes (``kubectl logs -f``)."""
        async with self._answer("GET", path, query, timeout=_timeout(None)) as answer:
            yield answer

    @asynccontextmanager
    async def websocket(
        self, path: str, query: list[tuple[str, str]]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An exec, attach or port-forward connection, protocol v5.channel.k8s.io or v4."""
        headers: dict[str, str] = {}
        await self._access.authorize(headers)
        session = self._access.session()
        url = f"{self._access.host}{path}?{urlencode(query)}"
        try:
            socket = await session.ws_connect(
                url,
                headers=headers,
                protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"),
                max_msg_size=0,
                heartbeat=120,  # seconds; a volume that is slow to write keeps answers back for long
            )
        except aiohttp.WSServerHandshakeError as error:
            raise errors.from_status(error.status, error.message) from error
        except (aiohttp.ClientError, OSError) as error:
            raise errors.Unavailable(f"{self._access.host}: {error}") from error
        try:
            yield socket  # what is raised here is the caller's own, a broken pipe of its output say
        finally:
            await socket.close()

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | None = None,
        content: str = "",
        timeout: aiohttp.ClientTimeout | None = None,
        accept: str = "",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": accept or "application/json, */*", "Content-Type": content or "application/json"}
        await self._access.authorize(headers)
        wanted = {key: value for key, value in query.items() if value != ""}
        url = f"{self._access.host}{path}" + (f"?{urlencode(wanted)}" if wanted else "")
        data = None if body is None else json.dumps(body)
        try:
            async with self._access.session().request(
                method, url, headers=headers, data=data, timeout=timeout
            ) as answer:
                if answer.status >= 400:
                    raise errors.from_status(answer.status, _status_of(await answer.read()))
                yield answer
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise errors.Unavailable(f"{self._access.host} does not answer: {error or type(error).__name__}") from error


def _timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)


def _parsed(data: bytes) -> Json:
    value: Json = json.loads(data)
    return value


def _status_of(data: bytes) -> Json | str:
    try:
        value = json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
    return value if isinstance(value, dict) else str(value)


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: a watched object may be a megabyte."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
