"""What the operator makes for a job before its agents start: empty objects, and the agents' rights to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from api_server import DEADLINE_SECONDS, ApiServer

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.lease_store import KubeStore
from parallelrun.kube.names import Names
from parallelrun.kube.resources import CONFIG_MAPS, SERVICE_ACCOUNTS

NAMESPACE = "default"
OWNERS = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "0-1"}]
LABELS = {"parallelrun.dev/job": "mnist"}
RBAC = "rbac.authorization.k8s.io"


def new_names() -> Names:
    """Of a job that was never there before."""
    return Names.of("mnist", os.urandom(6).hex())


async def make_objects(kube: Kube, names: Names, shards: int = 1, nodes: int = 2) -> None:
    """The job's empty objects."""
    maps = [names.header, *(names.shard(k) for k in range(shards))]
    for name in maps:
        await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name)})
    for n in range(nodes):
        api_version = "coordination.k8s.io/v1"
        await kube.create({"apiVersion": api_version, "kind": "Lease", "metadata": meta(names.node(n))})


async def grant(kube: Kube, names: Names, shards: int = 1, nodes: int = 2) -> str:
    """A token of a service account that has an agent's rights, and these only."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(names.base)}
    await kube.create(account)
    maps = [names.header, *(names.shard(k) for k in range(shards))]
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": maps, "verbs": ["get", "update", "watch"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [names.node(n) for n in range(nodes)],
            "verbs": ["get", "update"],
        },
    ]
    await kube.create({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": meta(names.base), "rules": rules})
    await kube.create(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta(names.base),
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": names.base},
            "subjects": [{"kind": "ServiceAccount", "name": names.base, "namespace": NAMESPACE}],
        }
    )
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    path = SERVICE_ACCOUNTS.path(NAMESPACE, names.base, "token")
    token: str = (await kube.request("POST", path, {}, wanted))["status"]["token"]
    return token


async def until_allowed(kube: Kube, names: Names) -> None:
    """The API server learns of a Role a moment after it was made."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            with contextlib.suppress(errors.Forbidden):
                await kube.get(CONFIG_MAPS, NAMESPACE, names.header)
                return
            await asyncio.sleep(0.05)


def meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": LABELS, "ownerReferences": OWNERS}


@contextlib.asynccontextmanager
async def operators_store(server: ApiServer, names: Names) -> AsyncIterator[KubeStore]:
    """A store that may create, with the administrator's rights."""
    async with await server.kube() as kube:
        yield KubeStore(kube, NAMESPACE, names.base, may_create=True)


@contextlib.asynccontextmanager
async def agents_store(server: ApiServer, names: Names, shards: int = 1) -> AsyncIterator[KubeStore]:
    """A store as an agent has it: objects are there, empty, and it may read and change these and nothing else."""
    async with await server.kube() as admin:
        await make_objects(admin, names, shards)
        token = await grant(admin, names, shards)
    async with await server.kube(token) as kube:
        await until_allowed(kube, names)
        yield KubeStore(kube, NAMESPACE, names.base)
