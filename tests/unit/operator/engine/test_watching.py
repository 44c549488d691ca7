"""Each kind of change wakes the job that it matters to, against a real API server."""

from __future__ import annotations

import asyncio
import time

from api_server import ApiServer
from replicas import Decider, lab, until


def test_a_job_that_is_applied_is_looked_at(api_server: ApiServer) -> None:
    async def scenario() -> None:
        async with lab(api_server) as here:
            decide = Decider()
            async with here.replica(decide):
                job = await here.job()
                world = await until(lambda: decide.last(job), "a look at the job")
            assert (world.namespace, world.name, world.header) == (here.namespace, "job", None)

    asyncio.run(scenario())
