"""API server away, watches that die, deletions that no watch tells, replicas that die: nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from api_server import ApiServer
from replicas import PULSE_PACE, Decider, Lab, install, lab, until

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import CONFIG_MAPS, CRDS, PARALLEL_RUN_JOBS
from parallelrun_operator import sight
from parallelrun_operator.job.actions import Announce, Decision
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.world import World
from parallelrun_operator.replica import Replica


class Pipe:
    """A way to the API server that can be stopped up: connections stay, and nothing comes through."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0

    async def __aenter__(self) -> Pipe:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def through(server: ApiServer, pipe: Pipe) -> AsyncIterator[Kube]:
    """A client that reaches the API server by ``pipe``."""
    config = server.kubeconfig().read_text().replace(server.url, f"https://127.0.0.1:{pipe.port}")
    path = Path(server.folder) / f"kubeconfig-{pipe.port}"
    path.write_text(config)
    async with await Kube.from_kubeconfig(str(path)) as kube:
        yield kube


async def status_of(replica: Replica, page: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{replica.health.port}{page}") as answer,
    ):
        return answer.status, await answer.text()


async def scale(here: Lab, nodes: int) -> None:
    await here.kube.patch(PARALLEL_RUN_JOBS, here.namespace, "job", {"spec": {"nodeCount": nodes}})


def test_a_watch_that_died_turns_healthz_red_and_readyz_stays(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here, Pipe(api_server.port) as pipe, through(api_server, pipe) as kube:
            decide = Decider()
            async with here.replica(decide, watch_through=kube) as replica:
                job = await here.job()
                await until(lambda: decide.last(job), "a look at the job")
                assert (await status_of(replica, "/healthz"))[0] == 200
                pipe.open.clear()
                await until(lambda: "leases" in replica.unhealthy(), "the watch of leases counts as dead")
                code, text = await status_of(replica, "/healthz")
                assert code == 503
                assert "leases" in text
                pipe.open.set()
                await until(lambda: not replica.unhealthy(), "it is healthy again")

    asyncio.run(scenario())


def test_while_the_api_server_is_away_the_replica_is_healthy_and_then_goes_on(own_api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(own_api_server) as here:
            decide = Decider()
            async with here.replica(decide) as replica:
                job = await here.job()
                await until(lambda: decide.last(job), "a look at the job")
                own_api_server.kill_api_server()
                unhealthy = 0
                for _ in range(20):  # five times as long as a dead watch takes to be noticed
                    await asyncio.sleep(0.75)
                    unhealthy += (await status_of(replica, "/healthz"))[0] != 200
                assert unhealthy == 0
                looks = len(decide.worlds)
                await asyncio.to_thread(own_api_server.start_api_server)
                await scale(here, 7)
                await until(
                    lambda: len(decide.worlds) > looks and decide.worlds[-1].job["spec"]["nodeCount"] == 7,
                    "the change made afterwards is seen",
                )
                assert (await status_of(replica, "/healthz"))[0] == 200

    asyncio.run(scenario())


def test_a_gap_empties_what_looks_remembered(own_api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(own_api_server) as here:
            worlds: list[World] = []

            def decide(world: World) -> Decision:
                worlds.append(world)
                return Decision((), Memory(status_written=float(len(worlds))), 0.1)

            async with here.replica(decide):
                await here.job()
                await until(lambda: worlds and worlds[-1].watching and worlds[-1].memory != Memory(), "it remembers")
                looks = len(worlds)
                own_api_server.kill_api_server()
                await asyncio.sleep(2 * PULSE_PACE.blind)
                await asyncio.to_thread(own_api_server.start_api_server)
                await until(lambda: Memory() in [one.memory for one in worlds[looks:]], "a look without memory")
                await until(lambda: worlds[-1].watching and worlds[-1].memory != Memory(), "it remembers again")

    asyncio.run(scenario())


def test_a_definition_that_is_taken_away_and_put_back_is_watched_again(own_api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(own_api_server) as here:
            decide = Decider()
            async with here.replica(decide) as replica:
                first = await here.job()
                await until(lambda: decide.last(first), "a look at the job")
                crd = await here.kube.get(CRDS, None, "parallelrunjobs.parallelrun.dev")
                await here.kube.delete(CRDS, None, crd["metadata"]["name"])
                await until(lambda: not replica.cache.jobs, "the job went with its definition")
                await soon_gone(here, crd["metadata"]["name"])
                await install(own_api_server)
                second = await here.job()
                await until(lambda: decide.last(second), "a look at the job of the new definition", 45)
                assert not replica.unhealthy()

    asyncio.run(scenario())


async def soon_gone(here: Lab, crd: str) -> None:
    with suppress(errors.NotFound):
        async with asyncio.timeout(30):
            while True:
                await here.kube.get(CRDS, None, crd)
                await asyncio.sleep(0.1)


def test_a_deletion_that_no_watch_told_is_found(api_server: ApiServer) -> None:
    """An object is put into the cache that is not there, as if its deletion had been missed."""

    async def scenario() -> None:
        async with lab(api_server) as here:
            decide = Decider()
            async with here.replica(decide) as replica:
                job = await here.job()
                await until(lambda: decide.last(job), "a look at the job")
                ghost = here.child(job, "ConfigMap", "ghost")
                ghost["metadata"] |= {"uid": "no-such-uid", "resourceVersion": "1"}
                replica.cache.put(CONFIG_MAPS, ghost)
                replica.sight.compare_soon()
                await until(
                    lambda: (
                        (world := decide.last(job))
                        and ("ConfigMap", "ghost") not in world.children
                        and not any(meta["name"] == "ghost" for meta in replica.cache.metadata(CONFIG_MAPS))
                    ),
                    "the ghost is gone",
                )

    asyncio.run(scenario())


def test_watches_that_do_not_show_what_is_there_begin_anew(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object is taken out of the cache that is there, as if no watch had ever told of it."""
    monkeypatch.setattr(sight, "COMPARE_AGAIN_SECONDS", 0.5)

    async def scenario() -> None:
        async with lab(api_server) as here:
            decide = Decider()
            async with here.replica(decide) as replica:
                job = await here.job()
                await until(lambda: decide.last(job), "a look at the job")
                replica.cache.discard(PARALLEL_RUN_JOBS, job["metadata"])
                replica.sight.compare_soon()
                await until(lambda: replica.cache.jobs, "the job is seen again")

    asyncio.run(scenario())


def test_of_two_replicas_one_acts_and_the_other_takes_over_when_it_ends(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here, AsyncExitStack() as first_ends, AsyncExitStack() as second_ends:
            first, second = Decider(again=0.2), Decider(again=0.2)
            await first_ends.enter_async_context(here.replica(first, "first"))
            job = await here.job()
            await until(lambda: first.last(job), "the first looks")
            follower = await second_ends.enter_async_context(here.replica(second, "second"))
            await until(lambda: not follower.unready(), "the second sees everything")
            looks = len(first.worlds)
            await until(lambda: len(first.worlds) > looks + 5, "the first looks again and again")
            assert not second.worlds
            await first_ends.aclose()
            looks = len(first.worlds)
            await until(lambda: second.last(job), "the second takes over")
            assert len(first.worlds) == looks

    asyncio.run(scenario())


def test_a_failed_look_is_tried_again_and_its_actions_are_carried_out_then(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            failures = iter([OSError("a fault")])

            def then(world: object) -> tuple[Announce, ...]:
                for failure in failures:
                    raise failure
                return (Announce("Normal", "Planned", "at last"),)

            async with here.replica(Decider(then)) as replica:
                await here.job()
                await until(lambda: _done(replica, "Announce"), "the action is carried out")
                assert (
                    replica.metrics.registry.get_sample_value("parallelrun_look_errors_total", {"error": "OSError"})
                    == 1
                )

    asyncio.run(scenario())


def test_metrics_tell_jobs_leader_and_age_of_watches(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            decide = Decider()
            async with here.replica(decide) as replica:
                job = await here.job()
                await until(lambda: decide.last(job), "a look at the job")
                code, text = await status_of(replica, "/metrics")
                assert code == 200
                assert 'parallelrun_jobs{phase="Pending"} 1.0' in text
                assert "parallelrun_leader 1.0" in text
                assert 'parallelrun_watch_age_seconds{kind="leases"}' in text

    asyncio.run(scenario())


def _done(replica: Replica, action: str) -> float:
    return replica.metrics.registry.get_sample_value("parallelrun_actions_total", {"action": action}) or 0.0
