"""Actions are carried out against a real API server, and are harmless to repeat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from api_server import ApiServer
from replicas import Json, Lab, lab

from parallelrun.kube import errors
from parallelrun.kube.lease_store import LEASE_ANNOTATION
from parallelrun.kube.resources import CONFIG_MAPS, EVENTS, LEASES, PARALLEL_RUN_JOBS, SERVICE_ACCOUNTS
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.shard_json import shard_from_json, shard_to_json
from parallelrun_operator.cache import Cache, JobKey
from parallelrun_operator.job import actions as act
from parallelrun_operator.job.apply import Applier, NotLeading
from parallelrun_operator.metrics import Metrics


class Bench:
    """A job with a header, a shard that ``pod-a`` and ``pod-b`` have claimed from, and the lease of node 0."""

    def __init__(self, here: Lab, job: Json) -> None:
        self.here, self.job, self.names = here, job, here.names(job)
        self.metrics, self.cache, self.leads = Metrics(), Cache(), True
        self.key = JobKey(here.namespace, job["metadata"]["name"], job["metadata"]["uid"])
        self.cache.put(PARALLEL_RUN_JOBS, job)
        self.applier = Applier(here.kube, self.cache, self.metrics, lambda: self.leads)

    async def make(self, header: Header, shard: allocator.Shard) -> None:
        for name, value in ((self.names.header, header.to_json()), (self.names.shard(0), shard_to_json(shard))):
            data = {"state": json.dumps(value)}
            await self.here.kube.create(self.here.child(self.job, "ConfigMap", name, data=data))
        lease = self.here.child(self.job, "Lease", self.names.node(0), LEASES.api_version)
        lease["metadata"]["annotations"] = {LEASE_ANNOTATION: json.dumps(nodes.take(None, "pod-a").to_json())}
        await self.here.kube.create(lease)

    async def do(self, *actions: act.Action) -> None:
        await self.applier.carry_out(self.key, actions)

    async def state(self, name: str) -> Json:
        obj = await self.here.kube.get(CONFIG_MAPS, self.here.namespace, name)
        value: Json = json.loads(obj["data"]["state"])
        return value

    async def header(self) -> Header:
        return Header.from_json(await self.state(self.names.header))

    async def shard(self) -> allocator.Shard:
        return shard_from_json(await self.state(self.names.shard(0)))

    async def holder(self) -> str:
        obj = await self.here.kube.get(LEASES, self.here.namespace, self.names.node(0))
        return str(json.loads(obj["metadata"]["annotations"][LEASE_ANNOTATION])["holder"])


def running() -> Header:
    planning, grant = headers.grant_planning(headers.new("uid", 1, "spec", "source"), "pod-a")
    assert grant is not None
    return headers.publish_plan(planning, grant, headers.Plan("sha", 10, "input"))[0]


def on_bench(api_server: ApiServer, scenario: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            bench = Bench(here, await here.job())
            shard, _ = allocator.claim(allocator.new(0, 10, 1), "pod-a", 3)
            shard, _ = allocator.claim(shard, "pod-b", 3)
            await bench.make(running(), shard)
            await scenario(bench)

    asyncio.run(whole())


def test_a_holder_that_is_expired_loses_lease_and_ranges_and_others_keep_theirs(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        for _ in range(2):
            await bench.do(act.Expire(0, "pod-a"))
        assert await bench.holder() == ""
        assert allocator.holders(await bench.shard()) == {"pod-b"}

    on_bench(api_server, scenario)


def test_expiring_a_holder_leaves_a_newer_one_alone(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.Expire(0, "pod-of-before"))
        assert await bench.holder() == "pod-a"

    on_bench(api_server, scenario)


def test_expiring_a_node_without_a_lease_makes_none(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.Expire(7, "pod-b"))
        with pytest.raises(errors.NotFound):
            await bench.here.kube.get(LEASES, bench.here.namespace, bench.names.node(7))
        assert allocator.holders(await bench.shard()) == {"pod-a"}

    on_bench(api_server, scenario)


def test_released_ranges_name_their_former_holder(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.Release("pod-b"))
        shard = await bench.shard()
        assert allocator.holders(shard) == {"pod-a"}
        assert any("pod-b" in free.former for free in shard.unclaimed)
        assert await bench.holder() == "pod-a"

    on_bench(api_server, scenario)


def test_a_job_is_aborted_once_and_its_first_reason_stays(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.Abort("Cancelled", "first"), act.Abort("NoProgress", "second"))
        header = await bench.header()
        assert (header.phase, header.reason, header.message) == (Phase.ABORTED, "Cancelled", "first")

    on_bench(api_server, scenario)


def test_an_aborted_job_is_reported_though_its_reporter_is_gone(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        aborted, _ = headers.grant_finalizing(headers.abort(running(), "Cancelled", ""), "dead-pod")
        patch = {"data": {"state": json.dumps(aborted.to_json())}}
        await bench.here.kube.patch(CONFIG_MAPS, bench.here.namespace, bench.names.header, patch)
        for _ in range(2):
            await bench.do(act.MarkReported())
        header = await bench.header()
        assert (header.reported, header.grant) == (True, None)

    on_bench(api_server, scenario)


def test_a_job_that_runs_is_not_marked_as_reported(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.MarkReported())
        assert await bench.header() == running()

    on_bench(api_server, scenario)


def test_what_exists_is_not_created_again(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        other = bench.here.child(bench.job, "ConfigMap", bench.names.header, data={"state": "{}"})
        await bench.do(act.Create(other))
        assert await bench.header() == running()

    on_bench(api_server, scenario)


def test_the_same_object_is_applied_once(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        account = bench.here.child(bench.job, "ServiceAccount", bench.names.base)
        await bench.do(act.Apply(account))
        assert bench.applier.applied(bench.key) == [("ServiceAccount", bench.names.base)]
        await bench.here.kube.delete(SERVICE_ACCOUNTS, bench.here.namespace, bench.names.base)
        await bench.do(act.Apply(account))
        with pytest.raises(errors.NotFound):
            await bench.here.kube.get(SERVICE_ACCOUNTS, bench.here.namespace, bench.names.base)
        changed = {**account, "metadata": {**account["metadata"], "annotations": {"example.org/changed": "yes"}}}
        await bench.do(act.Apply(changed))
        assert await bench.here.kube.get(SERVICE_ACCOUNTS, bench.here.namespace, bench.names.base)

    on_bench(api_server, scenario)


def test_only_the_object_that_was_meant_is_deleted(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        where = (bench.here.namespace, bench.names.header)
        uid = (await bench.here.kube.get(CONFIG_MAPS, *where))["metadata"]["uid"]
        await bench.do(act.Delete(CONFIG_MAPS, bench.names.header, "another"))
        assert await bench.here.kube.get(CONFIG_MAPS, *where)
        for _ in range(2):
            await bench.do(act.Delete(CONFIG_MAPS, bench.names.header, uid))
        with pytest.raises(errors.NotFound):
            await bench.here.kube.get(CONFIG_MAPS, *where)

    on_bench(api_server, scenario)


def test_status_is_replaced_whole_and_is_in_the_cache_at_once(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.do(act.SetStatus({"phase": "Running", "progress": "1/10"}))
        await bench.do(act.SetStatus({"phase": "Done"}))
        job = await bench.here.kube.get(PARALLEL_RUN_JOBS, bench.here.namespace, bench.key.name)
        assert (job["status"]["phase"], job["status"]["progress"]) == ("Done", "")
        assert bench.cache.jobs[bench.key]["status"] == job["status"]

    on_bench(api_server, scenario)


def test_status_is_written_though_the_job_was_changed_meanwhile(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        where = (PARALLEL_RUN_JOBS, bench.here.namespace, bench.key.name)
        await bench.here.kube.patch(*where, {"spec": {"nodeCount": 3}})
        await bench.do(act.SetStatus({"phase": "Running"}))
        job = await bench.here.kube.get(*where)
        assert (job["spec"]["nodeCount"], job["status"]["phase"]) == (3, "Running")

    on_bench(api_server, scenario)


def test_a_job_that_was_created_again_does_not_get_its_predecessors_status(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.here.kube.delete(PARALLEL_RUN_JOBS, bench.here.namespace, bench.key.name)
        await bench.here.job()
        await bench.do(act.SetStatus({"phase": "Done"}))
        job = await bench.here.kube.get(PARALLEL_RUN_JOBS, bench.here.namespace, bench.key.name)
        assert "phase" not in job.get("status", {})

    on_bench(api_server, scenario)


def test_the_same_event_again_is_counted(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        for message in ("node 1 is gone", "node 1 is gone", "node 2 is gone", "x" * 5000):
            await bench.do(act.Announce("Warning", "NodeExpired", message))
        fields = f"involvedObject.uid={bench.key.uid}"
        events, _ = await bench.here.kube.list_objects(EVENTS, bench.here.namespace, fields=fields)
        assert sorted((one["message"][:14], one["count"]) for one in events) == [
            ("node 1 is gone", 2),
            ("node 2 is gone", 1),
            ("x" * 14, 1),
        ]

    on_bench(api_server, scenario)


def test_a_replica_that_does_not_lead_writes_nothing(api_server: ApiServer) -> None:
    async def scenario(bench: Bench) -> None:
        bench.leads = False
        with pytest.raises(NotLeading):
            await bench.do(act.Abort("Cancelled", ""))
        assert await bench.header() == running()

    on_bench(api_server, scenario)
