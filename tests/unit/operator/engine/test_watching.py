"""Each kind of change wakes the job that it matters to, and a World has all that there is; on a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from api_server import ApiServer
from replicas import Decider, Json, Lab, lab, until

from parallelrun.kube.lease_store import LEASE_ANNOTATION
from parallelrun.kube.resources import CONFIG_MAPS, EVENTS, JOBS, LEASES, NODES, PARALLEL_RUN_JOBS, PODS
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.header import Phase
from parallelrun.leases.shard_json import shard_to_json
from parallelrun_operator.job.world import World
from parallelrun_operator.replica import Replica


class Scene:
    """A job that a running replica watches."""

    def __init__(self, here: Lab, job: Json, decide: Decider, replica: Replica) -> None:
        self.here, self.job, self.decide, self.replica = here, job, decide, replica
        self.names = here.names(job)

    async def seen(self, true: Callable[[World], object], what: str) -> World:
        """The first World in which ``true`` holds."""

        def found() -> World | None:
            world = self.decide.last(self.job)
            return world if world is not None and true(world) else None

        world: World = await until(found, what)
        return world

    async def config_map(self, name: str, value: Json | None) -> None:
        data = {} if value is None else {"state": json.dumps(value)}
        await self.here.kube.create(self.here.child(self.job, "ConfigMap", name, data=data))

    async def child(self) -> Json:
        labels = {"example.org/pods-of": self.job["metadata"]["name"]}
        containers = [{"name": "agent", "image": "agent"}]
        template = {"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": containers}}
        spec = {"suspend": True, "template": template}
        return await self.here.kube.create(self.here.child(self.job, "Job", self.names.base, "batch/v1", spec=spec))

    async def pod(self, name: str, **spec: object) -> Json:
        spec = {"containers": [{"name": "agent", "image": "agent"}], **spec}
        pod = self.here.child(self.job, "Pod", f"{self.names.base}-{name}", spec=spec)
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.names.base, "uid": "of-the-job"}
        pod["metadata"]["ownerReferences"] = [owner]
        return await self.here.kube.create(pod)


def scene(api_server: ApiServer, scenario: Callable[[Scene], Awaitable[None]], **spec: object) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            decide = Decider()
            async with here.replica(decide, needs=lambda *_: [("ConfigMap", "code")]) as replica:
                stage = Scene(here, await here.job(**spec), decide, replica)
                await stage.seen(lambda world: True, "a look at the job")
                await scenario(stage)

    asyncio.run(whole())


def header() -> Json:
    return headers.new("uid", 1, "spec", "source").to_json()


def test_a_job_that_is_applied_is_looked_at(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        world = await stage.seen(lambda world: True, "a look at the job")
        assert (world.namespace, world.name, world.header) == (stage.here.namespace, "job", None)

    scene(api_server, scenario)


def test_a_change_of_the_job_is_seen(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        await stage.here.kube.patch(PARALLEL_RUN_JOBS, stage.here.namespace, "job", {"spec": {"nodeCount": 5}})
        await stage.seen(lambda world: world.job["spec"]["nodeCount"] == 5, "five nodes")

    scene(api_server, scenario)


def test_header_and_shards_are_seen_and_empty_ones_are_told_from_missing_ones(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        await stage.config_map(stage.names.header, header())
        await stage.config_map(stage.names.shard(0), shard_to_json(allocator.new(0, 10, 1)))
        await stage.config_map(stage.names.shard(1), None)
        world = await stage.seen(lambda world: world.header and len(world.shards) == 2, "header and shards")
        assert world.header is not None
        assert world.header.phase is Phase.PLANNING
        assert world.shards == {0: allocator.new(0, 10, 1), 1: None}
        assert ("ConfigMap", stage.names.shard(1)) in world.children

    scene(api_server, scenario)


def test_a_header_that_is_deleted_is_missed(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        await stage.config_map(stage.names.header, header())
        await stage.seen(lambda world: world.header, "the header")
        await stage.here.kube.delete(CONFIG_MAPS, stage.here.namespace, stage.names.header)
        await stage.seen(lambda world: world.header is None, "no header")

    scene(api_server, scenario)


def test_a_lease_that_is_taken_is_seen(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        await stage.here.kube.create(stage.here.child(stage.job, "Lease", stage.names.node(3), LEASES.api_version))
        await stage.seen(lambda world: world.nodes == {3: None}, "an empty lease")
        taken = {LEASE_ANNOTATION: json.dumps(nodes.take(None, "pod-a").to_json())}
        patch = {"metadata": {"annotations": taken}}
        await stage.here.kube.patch(LEASES, stage.here.namespace, stage.names.node(3), patch)
        await stage.seen(lambda world: world.nodes == {3: nodes.take(None, "pod-a")}, "the holder")

    scene(api_server, scenario)


def test_the_child_job_is_seen_and_its_end(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        child = await stage.child()
        world = await stage.seen(lambda world: world.child, "the Job")
        assert world.child is not None
        assert world.child["metadata"]["uid"] == child["metadata"]["uid"]
        assert world.child["spec"]["suspend"] is True
        await stage.here.kube.delete(JOBS, stage.here.namespace, stage.names.base)
        await stage.seen(lambda world: world.child is None, "no Job")

    scene(api_server, scenario)


def test_pods_are_seen_and_their_end(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        pod = await stage.pod("0-a")
        world = await stage.seen(lambda world: world.pods, "the pod")
        assert world.pods[0]["metadata"]["uid"] == pod["metadata"]["uid"]
        assert world.pods[0]["status"]["phase"] == "Pending"
        await stage.here.kube.delete(PODS, stage.here.namespace, pod["metadata"]["name"], grace_seconds=0)
        await stage.seen(lambda world: not world.pods, "no pod")

    scene(api_server, scenario)


def test_a_machine_that_is_not_ready_any_more_wakes_the_jobs_on_it(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        machine = f"machine-of-{stage.here.namespace}"
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": machine}, "status": ready}
        await stage.here.kube.create(node)
        await stage.pod("0-a", nodeName=machine)
        await stage.seen(lambda world: world.pods and world.machines.get(machine) is True, "the machine is ready")
        gone = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
        await stage.here.kube.patch(NODES, None, machine, gone, "status")
        await stage.seen(lambda world: world.machines[machine] is False, "the machine is not ready")
        await stage.here.kube.delete(NODES, None, machine)
        await stage.seen(lambda world: machine not in world.machines, "the machine is gone")

    scene(api_server, scenario)


def test_what_explains_missing_pods_is_read_while_they_are_missing(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        child = await stage.child()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"kind": "Job", "namespace": stage.here.namespace, "uid": child["metadata"]["uid"]}
        event = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": "quota", "namespace": stage.here.namespace},
            "involvedObject": about,
            "type": "Warning",
            "reason": "FailedCreate",
            "message": "exceeded quota",
            "lastTimestamp": now,
        }
        await stage.here.kube.create(event)
        stage.decide.again = 0.5
        await stage.pod("0-a")
        world = await stage.seen(lambda world: world.warnings, "the warning")
        assert [one["message"] for one in world.warnings] == ["exceeded quota"]
        assert world.missing == ("ConfigMap code",)

    scene(api_server, scenario)


def test_a_job_in_the_operators_own_namespace_is_not_run_where_only_others_are_watched(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as own, lab(api_server) as watched:
            decide = Decider()
            async with own.replica(decide, watch_namespaces=(watched.namespace,)):
                other = await own.job()
                job = await watched.job()
                await until(lambda: decide.last(job), "a look at the job that is watched")
                await watched.kube.patch(PARALLEL_RUN_JOBS, watched.namespace, "job", {"spec": {"nodeCount": 5}})
                await until(lambda: decide.worlds[-1].job["spec"]["nodeCount"] == 5, "its change")
                assert decide.last(other) is None

    asyncio.run(scenario())


def test_a_job_in_any_namespace_is_run_where_all_are_watched(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as own, lab(api_server) as any_one:
            decide = Decider()
            async with own.replica(decide, watch_namespaces=()):
                job = await any_one.job()
                await until(lambda: decide.last(job), "a look at the job")

    asyncio.run(scenario())


def test_a_job_that_is_deleted_is_forgotten(api_server: ApiServer) -> None:
    async def scenario(stage: Scene) -> None:
        await stage.here.kube.delete(PARALLEL_RUN_JOBS, stage.here.namespace, "job")
        await until(lambda: not stage.replica.cache.jobs, "the job is forgotten")

    scene(api_server, scenario)


def test_one_jobs_error_does_not_stop_another(api_server: ApiServer) -> None:
    """A header that somebody wrote nonsense into makes the looks at its job fail, and no others."""

    async def scenario(stage: Scene) -> None:
        await stage.config_map(stage.names.header, {"phase": "Nonsense"})
        await until(lambda: _failures(stage.replica) >= 1, "a look that failed")
        other = await stage.here.job("other")
        await until(lambda: stage.decide.last(other), "a look at the other job")

    scene(api_server, scenario)


def _failures(replica: Replica) -> float:
    return (
        replica.metrics.registry.get_sample_value("parallelrun_look_errors_total", {"error": "StateUnreadable"}) or 0.0
    )
