"""The operator as a process of its own, with all of its decisions, on a real API server without any node."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from api_server import ApiServer, free_port
from replicas import Json, Lab, lab

from parallelrun.kube import errors
from parallelrun.kube.resources import (
    CONFIG_MAPS,
    JOBS,
    LEASES,
    PARALLEL_RUN_JOBS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    Resource,
)
from parallelrun.leases.header import Header, Phase

SECONDS = 40.0
FAILED = ("Failed", "True", "Cancelled")


@contextmanager
def operator(here: Lab, identity: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One replica; what it logs is in ``log``."""
    command = [
        *(sys.executable, "-m", "parallelrun_operator", "--kubeconfig", str(here.server.kubeconfig())),
        *("--namespace", here.namespace, "--watch-namespaces", here.namespace),
        *("--identity", identity, "--port", str(free_port())),
    ]
    with log.open("ab") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def soon(look: Callable[[], Awaitable[object]], what: str, seconds: float = SECONDS) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await look():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.1)


async def there(here: Lab, kind: Resource, name: str) -> Json | None:
    try:
        return await here.kube.get(kind, here.namespace, name)
    except errors.NotFound:
        return None


async def status(here: Lab) -> Json:
    job = await here.kube.get(PARALLEL_RUN_JOBS, here.namespace, "job")
    value: Json = job.get("status") or {}
    return value


async def everything(here: Lab, job: Json) -> list[Json | None]:
    names = here.names(job)
    wanted = [
        *((SERVICE_ACCOUNTS, names.base), (ROLES, names.base), (ROLE_BINDINGS, names.base), (JOBS, names.base)),
        *((CONFIG_MAPS, names.settings), (CONFIG_MAPS, names.shard(0)), (CONFIG_MAPS, names.header)),
        *((LEASES, names.node(0)), (LEASES, names.node(1))),
    ]
    return [await there(here, kind, name) for kind, name in wanted]


def test_a_job_gets_its_children_and_a_status(api_server: ApiServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "log"):
                job = await here.job(nodeCount=2)

                async def made() -> bool:
                    return all(await everything(here, job))

                await soon(made, f"all children\n{(tmp_path / 'log').read_text()}")
                for child in await everything(here, job):
                    assert child is not None
                    (owner,) = child["metadata"]["ownerReferences"]
                    assert owner["uid"] == job["metadata"]["uid"]

                async def told() -> object:
                    return (await status(here)).get("phase")

                await soon(told, "a status")

    asyncio.run(scenario())


async def header(here: Lab, job: Json) -> Header | None:
    obj = await there(here, CONFIG_MAPS, here.names(job).header)
    return None if obj is None else Header.from_json(json.loads(obj["data"]["state"]))


async def change(here: Lab, **spec: object) -> None:
    await here.kube.patch(PARALLEL_RUN_JOBS, here.namespace, "job", {"spec": spec})


def test_scaling_and_suspending_reach_the_child_job(api_server: ApiServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "log"):
                job = await here.job(nodeCount=2)

                async def child(**spec: object) -> bool:
                    obj = await there(here, JOBS, here.names(job).base)
                    return obj is not None and all(obj["spec"].get(name) == value for name, value in spec.items())

                await soon(lambda: child(parallelism=2, completions=2), "a Job of two nodes")
                await change(here, nodeCount=3)
                await soon(lambda: child(parallelism=3, completions=3), "a Job of three nodes")
                await soon(lambda: there(here, LEASES, here.names(job).node(2)), "the third node's Lease")
                await change(here, suspend=True)
                await soon(lambda: child(suspend=True), "a suspended Job")

    asyncio.run(scenario())


def test_a_job_that_is_cancelled_before_it_began_is_failed_and_its_job_deleted(
    api_server: ApiServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "log"):
                job = await here.job()
                await soon(lambda: there(here, JOBS, here.names(job).base), "the Job")
                await change(here, cancel=True)

                async def failed() -> bool:
                    conditions = (await status(here)).get("conditions") or []
                    return any((one["type"], one["status"], one["reason"]) == FAILED for one in conditions)

                async def no_child() -> bool:
                    return await there(here, JOBS, here.names(job).base) is None

                await soon(failed, "the condition Failed")
                await soon(no_child, "no Job")
                state = await header(here, job)
                assert state is not None
                assert (state.phase, state.reported) == (Phase.ABORTED, True)

    asyncio.run(scenario())


def test_once_everything_is_said_nothing_is_written(api_server: ApiServer, tmp_path: Path) -> None:
    """A status that the API server completes with defaults is not written again and again."""

    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "log"):
                job = await here.job(nodeCount=2)

                async def made() -> bool:
                    return all(await everything(here, job)) and bool((await status(here)).get("conditions"))

                await soon(made, "all children and a status")
                await asyncio.sleep(6)  # of the first reasons why pods are missing, which are read each five seconds
                before = await versions(here, job)
                await asyncio.sleep(12)
                assert await versions(here, job) == before

    asyncio.run(scenario())


async def versions(here: Lab, job: Json) -> list[str]:
    objects = [await there(here, PARALLEL_RUN_JOBS, "job"), *await everything(here, job)]
    return [str(obj and obj["metadata"]["resourceVersion"]) for obj in objects]


def test_an_operator_that_is_killed_again_and_again_makes_every_job_in_the_end(
    api_server: ApiServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            names = [f"job-{number}" for number in range(4)]
            jobs = [await here.job(name, nodeCount=2) for name in names]
            log = tmp_path / "log"
            for kill in range(8):
                with operator(here, "one", log):  # starting takes about a second and a half
                    await asyncio.sleep(1.2 + 0.2 * kill)
            with operator(here, "one", log):
                for job in jobs:

                    async def made(job: Json = job) -> bool:
                        return all(await everything(here, job))

                    await soon(made, "all children")
                for job in jobs:
                    state = await header(here, job)
                    assert state is not None
                    assert (state.phase, state.job_uid) == (Phase.PLANNING, job["metadata"]["uid"])

    asyncio.run(scenario())


def test_when_the_leader_is_killed_the_other_replica_goes_on(api_server: ApiServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "one") as first, operator(here, "two", tmp_path / "two") as second:
                job = await here.job(nodeCount=2)
                await soon(lambda: there(here, JOBS, here.names(job).base), "the Job")
                lease = await here.kube.get(LEASES, here.namespace, "parallelrun-operator")
                leader, log = (first, "two") if lease["spec"]["holderIdentity"] == "one" else (second, "one")
                leader.kill()
                await change(here, nodeCount=3)

                async def scaled() -> bool:
                    obj = await there(here, JOBS, here.names(job).base)
                    return obj is not None and obj["spec"]["parallelism"] == 3

                await soon(scaled, f"the other replica scales the Job\n{(tmp_path / log).read_text()}")

    asyncio.run(scenario())


def test_an_operator_that_is_told_to_end_gives_up_the_lead_and_leaves_with_status_0(
    api_server: ApiServer, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            with operator(here, "one", tmp_path / "log") as process:

                async def holder() -> str:
                    lease = await there(here, LEASES, "parallelrun-operator")
                    return "" if lease is None else str(lease["spec"].get("holderIdentity"))

                await soon(holder, "it leads")
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 20) == 0
                assert await holder() == ""

    asyncio.run(scenario())


def test_each_line_of_the_log_is_json_and_those_about_a_job_name_it(api_server: ApiServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            log = tmp_path / "log"
            with operator(here, "one", log):
                job = await here.job()
                names = here.names(job)
                await soon(lambda: there(here, CONFIG_MAPS, names.header), "the header")
                await here.kube.patch(CONFIG_MAPS, here.namespace, names.header, {"data": {"state": "nonsense"}})

                async def told() -> bool:
                    return "cannot be read" in log.read_text()

                await soon(told, "the log says so")
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            (about,) = {(one["namespace"], one["job"], one["uid"]) for one in lines if "job" in one}
            assert about == (here.namespace, "job", job["metadata"]["uid"])

    asyncio.run(scenario())
