"""Registered objects are read by jobs that name some, and not again once a job has begun."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from api_server import ApiServer
from replicas import Json, Lab, lab

from parallelrun.kube.errors import NotFound, Unavailable
from parallelrun.kube.resources import CRDS, ENVIRONMENTS, Resource
from parallelrun_operator.cache import JobKey
from parallelrun_operator.job import registry
from parallelrun_operator.job.registry import Registry
from parallelrun_operator.job.settings import named
from parallelrun_operator.job.state import StateUnreadable

OF_DATASET = [{"name": "images", "dataset": "mnist"}]


class Counting:
    """The API server, and how often it was asked for a list."""

    def __init__(self, kube: Any) -> None:
        self._kube, self.lists = kube, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def list_objects(self, kind: Resource, *rest: Any, **more: Any) -> Any:
        self.lists += 1
        return await self._kube.list_objects(kind, *rest, **more)


def key(here: Lab, job: Json) -> JobKey:
    return JobKey(here.namespace, job["metadata"]["name"], job["metadata"]["uid"])


async def dataset(here: Lab, name: str, **spec: Any) -> None:
    await here.kube.create(
        {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "Dataset",
            "metadata": {"name": name, "namespace": here.namespace},
            "spec": {"type": "File", "paths": ["x/"], **spec},
        }
    )


async def keep(here: Lab, job: Json, text: str) -> str:
    """The job's settings, made when it began."""
    name = here.names(job).settings
    await here.kube.create(here.child(job, "ConfigMap", name, data={named.KEPT: text}))
    return name


async def gone(here: Lab) -> None:
    """The API server stops serving a kind a little after its definition is deleted."""
    deadline = asyncio.get_running_loop().time() + 30
    while asyncio.get_running_loop().time() < deadline:
        try:
            await here.kube.list_objects(ENVIRONMENTS, here.namespace)
        except NotFound:
            return
        except Unavailable:
            pass
        await asyncio.sleep(0.05)
    pytest.fail("the API server still serves Environments")


def test_a_job_that_names_none_costs_nothing(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            kube: Any = Counting(here.kube)
            job = await here.job()
            assert await Registry(kube).of(key(here, job), job, None) == ()
            assert kube.lists == 0

    asyncio.run(whole())


def test_those_of_the_job_s_namespace_are_found_with_one_list_a_kind_for_all_its_jobs(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as other, lab(api_server) as here:
            await dataset(other, "elsewhere")
            await dataset(here, "mnist")
            kube: Any = Counting(here.kube)
            registry, jobs = Registry(kube), [await here.job(name, inputs=OF_DATASET) for name in ("one", "two")]
            found = [await registry.of(key(here, job), job, None) for job in jobs]
            assert [[(one["kind"], one["metadata"]) for one in each] for each in found] == [
                [("Dataset", {"name": "mnist"})]
            ] * 2
            assert kube.lists == 2  # Datasets, and the Datastores that these may name

    asyncio.run(whole())


def test_one_that_comes_later_is_found(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            job, registry = await here.job(inputs=OF_DATASET), Registry(here.kube)
            assert await registry.of(key(here, job), job, None) == ()
            await dataset(here, "mnist")
            assert len(await registry.of(key(here, job), job, None)) == 1

    monkeypatch.setattr(registry, "LIST_SECONDS", 0.0)
    asyncio.run(whole())


def test_what_a_job_began_with_is_read_once_and_is_all_that_counts(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            job, began = (
                await here.job(inputs=OF_DATASET),
                [{"kind": "Dataset", "metadata": {"name": "old"}, "spec": {}}],
            )
            settings = await keep(here, job, json.dumps(began))
            await dataset(here, "mnist")
            kube: Any = Counting(here.kube)
            registry = Registry(kube)
            for _ in range(2):
                assert await registry.of(key(here, job), job, settings) == tuple(began)
            assert kube.lists == 0

    asyncio.run(whole())


def test_what_somebody_wrote_into_it_by_hand_is_told_and_not_guessed(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            job = await here.job(inputs=OF_DATASET)
            settings = await keep(here, job, "x")
            with pytest.raises(StateUnreadable, match=f"{named.KEPT} of ConfigMap {settings}"):
                await Registry(here.kube).of(key(here, job), job, settings)

    asyncio.run(whole())


def test_a_cluster_whose_definitions_are_older_has_none(own_api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(own_api_server) as here:
            job = await here.job(environment={"name": "scoring"})
            name = "environments.parallelrun.dev"
            crd = await here.kube.get(CRDS, None, name)
            await here.kube.delete(CRDS, None, name, uid=crd["metadata"]["uid"])
            await gone(here)
            assert await Registry(here.kube).of(key(here, job), job, None) == ()

    asyncio.run(whole())
