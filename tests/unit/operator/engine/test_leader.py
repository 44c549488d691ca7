"""At most one replica acts, and another takes over when it does not any more; against a real API server."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from api_server import ApiServer
from replicas import LEADER_PACE, Lab, lab, until

from parallelrun.kube.resources import LEASES
from parallelrun_operator.leader import NAME, Leader, LeadershipLost


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def candidate(here: Lab, name: str) -> tuple[Leader, asyncio.Task[None]]:
    one = Leader(here.kube, here.namespace, name, LEADER_PACE)
    return one, asyncio.ensure_future(one.run())


def test_the_second_takes_over_when_the_first_dies_and_not_before(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            first, first_task = await candidate(here, "first")
            await until(first.leading, "the first leads")
            second, second_task = await candidate(here, "second")
            for _ in range(20):
                await asyncio.sleep(0.15)  # longer than a lease, over which the first one renews it
                assert not second.leading()
            await stop(first_task)
            assert not first.leading()
            await until(second.leading, "the second takes over")
            await stop(second_task)

    asyncio.run(scenario())


def test_who_resigns_is_followed_at_once(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            first, first_task = await candidate(here, "first")
            await until(first.leading, "the first leads")
            await stop(first_task)
            await first.resign()
            second, second_task = await candidate(here, "second")
            await until(second.leading, "the second takes over", LEADER_PACE.lease - 0.5)
            await stop(second_task)

    asyncio.run(scenario())


def test_a_leader_that_finds_another_in_its_place_fails(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            first, first_task = await candidate(here, "first")
            await until(first.leading, "the first leads")
            await here.kube.patch(LEASES, here.namespace, NAME, {"spec": {"holderIdentity": "usurper"}})
            with pytest.raises(LeadershipLost, match="usurper"):
                await asyncio.wait_for(first_task, 10)
            assert not first.leading()
            await first.resign()
            lease = await here.kube.get(LEASES, here.namespace, NAME)
            assert lease["spec"]["holderIdentity"] == "usurper"

    asyncio.run(scenario())


def test_without_the_api_server_nobody_leads_and_afterwards_the_same_one_goes_on(
    own_api_server: ApiServer,
) -> None:
    async def scenario() -> None:
        async with lab(own_api_server) as here:
            first, first_task = await candidate(here, "first")
            await until(first.leading, "the first leads")
            own_api_server.kill_api_server()
            await until(lambda: not first.leading(), "it stops acting", LEADER_PACE.deadline + 2)
            await asyncio.to_thread(own_api_server.start_api_server)
            await until(first.leading, "it goes on")
            lease = await here.kube.get(LEASES, here.namespace, NAME)
            assert lease["spec"]["leaseTransitions"] == 1
            await stop(first_task)

    asyncio.run(scenario())
