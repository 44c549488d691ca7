"""The job that is to be run again is looked for where the watch has not shown it, and only while it matters."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from api_server import ApiServer
from replicas import Json, Lab, lab

from parallelrun.kube.resources import PARALLEL_RUN_JOBS
from parallelrun.leases import header as headers
from parallelrun_operator.cache import Cache, JobKey
from parallelrun_operator.config import Config
from parallelrun_operator.job.gather import Gatherer
from parallelrun_operator.job.memory import Memory


async def earlier(here: Lab, job: Json, *seen: Json) -> Json | None:
    """What a look at ``job`` knows of the earlier job, where the watch has shown ``seen``."""
    cache = Cache()
    for one in (job, *seen):
        cache.put(PARALLEL_RUN_JOBS, one)
    key = JobKey(here.namespace, job["metadata"]["name"], job["metadata"]["uid"])
    world = await Gatherer(here.kube, cache, Config(), lambda *_: ()).world(key, Memory(), watching=True)
    return world.earlier


async def two_jobs(here: Lab) -> tuple[Json, Json]:
    first = await here.job("first")
    return first, await here.job("again", rerunOf={"name": "first"})


@pytest.mark.parametrize("seen", [True, False])
def test_it_is_found_whether_or_not_the_watch_has_shown_it(api_server: ApiServer, seen: bool) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            first, again = await two_jobs(here)
            found = await earlier(here, again, *([first] if seen else []))
            assert found is not None
            assert found["metadata"]["uid"] == first["metadata"]["uid"]

    asyncio.run(whole())


def test_jobs_that_may_be_taken_over_are_told_in_order_as_long_as_nothing_is_planned(api_server: ApiServer) -> None:
    async def reusable(here: Lab, job: Json) -> list[str]:
        cache = Cache()
        cache.put(PARALLEL_RUN_JOBS, job)
        key = JobKey(here.namespace, job["metadata"]["name"], job["metadata"]["uid"])
        world = await Gatherer(here.kube, cache, Config(), lambda *_: ()).world(key, Memory(), watching=True)
        return [one["metadata"]["name"] for one in world.reusable]

    async def whole() -> None:
        async with lab(api_server) as here:
            await here.job("first")
            await here.job("second")
            again = await here.job("again", reuseOf=["second", "gone", "first"])
            assert await reusable(here, again) == ["second", "first"]
            planned = replace(headers.new(again["metadata"]["uid"], 1, "", ""), phase=headers.Phase.RUNNING)
            name = here.names(again).header
            await here.kube.create(here.child(again, "ConfigMap", name, data={"state": json.dumps(planned.to_json())}))
            assert await reusable(here, again) == []

    asyncio.run(whole())


def test_it_is_none_where_it_is_gone(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            assert await earlier(here, await here.job("again", rerunOf={"name": "first"})) is None

    asyncio.run(whole())


def test_it_matters_no_more_once_its_results_are_taken(api_server: ApiServer) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            first, again = await two_jobs(here)
            taken = replace(headers.new(again["metadata"]["uid"], 1, "", ""), generation=2)
            name = here.names(again).header
            await here.kube.create(here.child(again, "ConfigMap", name, data={"state": json.dumps(taken.to_json())}))
            assert await earlier(here, again, first) is None

    asyncio.run(whole())
