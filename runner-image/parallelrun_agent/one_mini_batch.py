"""One mini-batch of a planned job with all that it needs, for whoever runs it outside of the job."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from parallelrun_agent.cache import Cache
from parallelrun_agent.downloads import Downloads
from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.job import Job
from parallelrun_agent.plan.reader import PlanReader
from parallelrun_agent.staging import staged
from parallelrun_agent.stall import Stall
from parallelrun_agent.supplies import Supplies


def bring(job: Job, plan: PlanReader, mini_batch: int) -> tuple[list[Any], Path | None]:
    """Its Work, see ``parallelrun_worker.wire``, and the folder that its files were fetched to, if they were.

    Side inputs and models are fetched too, to ``job.cache``. Raises StorageError, InputError and OSError.
    """
    (work,) = plan.work(mini_batch, mini_batch + 1)
    asyncio.run(Supplies(job, Stall()).bring_listed(is_new=True))
    if not job.fetches:
        return work, None
    return asyncio.run(_fetched(job, plan, mini_batch, work)), job.cache


async def _fetched(job: Job, plan: PlanReader, mini_batch: int, work: list[Any]) -> list[Any]:
    inputs = job.settings.inputs
    cache = Cache(job.cache)
    cache.own([one.name for one in inputs])
    fetcher = Fetcher(job.storage, inputs, plan.document["table"], cache, Downloads(job.cache, job.storage))
    one = staged(mini_batch, plan.planned_files(mini_batch), fetcher.takes_room)
    for file in one.todo:
        await fetcher.bring(one, file)
    return one.work(work)
