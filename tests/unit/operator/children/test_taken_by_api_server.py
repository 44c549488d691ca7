"""A real API server takes what is made for a job, admits its pods, lets the Job be scaled, and an agent do little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from api_server import ApiServer
from builders import a_job, a_world

from parallelrun.kube.client import Kube
from parallelrun.kube.resources import JOBS
from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Apply, Create
from parallelrun_operator.job.settings import resolve
from parallelrun_operator.job.world import World

Json = dict[str, Any]
ENVIRONMENT = {
    "image": "registry.example/x:1",
    "imagePullSecrets": [{"name": "login"}],
    "pip": ["x"],
    "env": [
        {"name": "A", "value": "$(job.name) $$(x)"},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
        {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "c"}}, {"prefix": "P_", "secretRef": {"name": "s", "optional": True}}],
}
MUCH = {
    "source": {"imagePath": "/app"},
    "environment": ENVIRONMENT,
    "inputs": [{"name": "i", "type": "File", "paths": ["images/*.png", "pvc://data/x y/", "configmap://tiny"]}],
    "outputs": [{"name": "o", "path": "pvc://results/o"}],
    "output": {"path": "pvc://results/out"},
    "resources": {"requests": {"cpu": 2}, "limits": {"memory": "4Gi", "nvidia.com/gpu": 1}},
    "nodeSelector": {"pool": "gpu"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}, {"operator": "Exists", "effect": "NoSchedule"}],
    "serviceAccountName": "scoring",
}
REGISTERED = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "Datastore",
    "metadata": {"name": "images"},
    "spec": {"name": "My_Images.2", "s3": {"bucket": "b"}, "secretRef": {"name": "key"}},
}
STORES = {
    "inputs": [{"name": "i", "type": "File", "paths": ["datastore://My_Images.2/x/*.png", "gs://bucket/y/"]}],
    "output": {"path": "az://account/container/out"},
}


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """With a namespace where only restricted pods are admitted."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        asyncio.run(_namespace(server))
        yield server


async def _namespace(server: ApiServer) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    async with await server.kube() as kube:
        await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": labels}})


@asynccontextmanager
async def made(server: ApiServer, **spec: Any) -> AsyncIterator[tuple[Kube, World, Json]]:
    """A job whose children are there: the API server, its World, and the Job as the API server has it."""
    job = a_job(**spec)
    world, resolved = a_world(job), resolve(job, Config(), [REGISTERED])
    async with await server.kube() as kube:
        for action in children.first(world, resolved):
            if isinstance(action, Apply):
                await kube.apply(action.obj, "parallelrun-operator")
            elif isinstance(action, Create):
                await kube.create(action.obj)
        yield kube, world, await kube.create(children.job(world, resolved))


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("small", {}),
        ("much", MUCH),
        ("stores", STORES),
        ("git", {"source": {"git": {"url": "https://git.example/x.git"}}}),
        ("claim", {"source": {"claim": {"name": "code.v2", "path": "a"}}, "suspend": True}),
        ("long-" + "x" * 58, {}),
    ],
)
def test_objects_are_taken_pods_are_admitted_and_the_job_is_scaled(
    api_server: ApiServer, name: str, spec: Json
) -> None:
    async def check() -> None:
        uid = f"00000000-0000-0000-0000-{len(name):012d}"
        async with made(api_server, name=name, uid=uid, nodeCount=2, **spec) as (kube, world, job):
            template = job["spec"]["template"]
            host = f"{world.names.base}-9999"
            metadata = {**template["metadata"], "name": f"{host}-abcde", "namespace": "team"}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            await kube.create({**pod, "spec": {**pod["spec"], "hostname": host}}, dry_run=True)
            both = {"spec": {"parallelism": 5, "completions": 5}}
            scaled = await kube.patch(JOBS, "team", job["metadata"]["name"], both)
            assert (scaled["spec"]["parallelism"], scaled["spec"]["completions"]) == (5, 5)

    asyncio.run(check())


def test_an_agent_may_read_and_swap_its_own_state_and_nothing_else(api_server: ApiServer) -> None:
    async def check() -> None:
        async with made(api_server, name="rights", uid="00000000-0000-0000-0000-999999999999") as (kube, world, _):
            names = world.names
            mine = [
                *(("", "configmaps", name, verb) for name in (names.header, names.shard(0)) for verb in _SWAP),
                *(("coordination.k8s.io", "leases", names.node(0), verb) for verb in ("get", "update")),
                ("parallelrun.dev", "models", "", "list"),
            ]
            denied = [
                ("", "configmaps", names.settings, "get"),
                ("", "configmaps", names.header, "delete"),
                ("", "configmaps", "", "list"),
                ("", "configmaps", "", "create"),
                ("coordination.k8s.io", "leases", names.node(1), "get"),
                ("", "secrets", "s", "get"),
                ("", "pods", "", "list"),
                ("batch", "jobs", names.base, "get"),
                ("parallelrun.dev", "parallelrunjobs", "rights", "get"),
                ("parallelrun.dev", "models", "", "create"),
                ("parallelrun.dev", "datastores", "", "list"),
            ]
            await _until_allowed(kube, world, mine[0])
            assert [one for one in mine if not await _allowed(kube, world, one)] == []
            assert [one for one in denied if await _allowed(kube, world, one)] == []

    asyncio.run(check())


_SWAP = ("get", "update", "watch")
_Asked = tuple[str, str, str, str]  # group, resource, name, verb


async def _allowed(kube: Kube, world: World, asked: _Asked) -> bool:
    group, resource, name, verb = asked
    attributes = {"namespace": "team", "group": group, "resource": resource, "name": name, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:team:{world.names.base}", "resourceAttributes": attributes},
    }
    answer = await kube.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {}, review)
    return bool(answer["status"]["allowed"])


async def _until_allowed(kube: Kube, world: World, asked: _Asked) -> None:
    """The API server learns of a Role a moment after it was made."""
    async with asyncio.timeout(30):
        while not await _allowed(kube, world, asked):
            await asyncio.sleep(0.05)
