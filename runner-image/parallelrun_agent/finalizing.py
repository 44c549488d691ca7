"""The Finalizing and Committing phases, and the reports of an aborted job: one agent is granted them at a time.

Everything here can be repeated by a successor with the same bytes of output: what is merged is the table of winners
that the header names, never the segments as they are at the moment.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from parallelrun.api.errors import ParallelRunError
from parallelrun.leases import allocator, thresholds
from parallelrun.leases import header as headers
from parallelrun.leases.header import Grant, Header, Phase
from parallelrun.leases.store import StoreGone
from parallelrun_agent import kept_header
from parallelrun_agent.job import Job
from parallelrun_agent.output import owner, remote
from parallelrun_agent.stall import Stall

if TYPE_CHECKING:
    from parallelrun_agent.output.finalize import Prepared

log = logging.getLogger(__name__)

#: When a job is aborted its nodes have so long to make durable what they have, before the reports are written.
LAST_RESULTS_SECONDS = 5.0
LOOK_SECONDS, POD_LOOK_SECONDS = 0.05, 1.0


class Finalizing:
    """This agent's part in it."""

    def __init__(self, job: Job, stall: Stall) -> None:
        self._job, self._stall = job, stall

    async def step(self) -> bool:
        """Take the job one phase further if it is this agent's turn; False: it is another's."""
        job = self._job
        header, grant = await job.leases.update_header(lambda h: headers.grant_finalizing(h, job.holder))
        if grant is None:
            return False
        if header.phase is Phase.FINALIZING:
            await self._freeze(header, grant)
        elif header.phase is Phase.COMMITTING:
            await (self._take_over if header.reused else self._commit)(header, grant)
        else:
            await self._report_aborted(header, grant)
        return True

    async def _freeze(self, header: Header, grant: Grant) -> None:
        from parallelrun_agent.output import finalize

        assert header.plan is not None
        job, total = self._job, header.plan.total
        before = [await job.leases.shard(k) for k in range(header.shards)]
        prepared = await self._stall.run(finalize.prepare, job.folder, total)
        if prepared.missing:
            await self._reopen(header, grant, prepared, [shard.epoch if shard else None for shard in before])
            return
        violated = thresholds.violation(prepared.counts, total, job.settings.limits)
        if violated is not None:
            await job.leases.update_header(lambda h: (headers.abort(h, *violated), None))
            return
        await job.leases.update_header(lambda h: headers.publish_winners(h, grant, prepared.sha256))

    async def _reopen(self, header: Header, grant: Grant, prepared: Prepared, epochs: list[int | None]) -> None:
        """Winning records are gone or corrupt: their mini-batches are run again."""
        job = self._job
        assert header.plan is not None
        log.error("results of mini-batches %s are missing or damaged: they are run again", prepared.missing)
        reopened = 0
        for k, (low, high) in enumerate(allocator.split(header.plan.total, header.shards)):
            ranges = [(max(a, low), min(b, high)) for a, b in prepared.missing if a < high and b > low]
            if ranges:
                _, done = await job.leases.update_shard(k, _reopener(ranges, prepared, epochs[k]))
                reopened |= (not done) << k
        if reopened:  # else another finalizer took over meanwhile
            await job.leases.update_header(lambda h: headers.reopen(h, grant, reopened))

    async def _take_over(self, header: Header, grant: Grant) -> None:
        """Report what an earlier job made; all was decided when the header said so."""
        from parallelrun_agent.output import finalize

        job = self._job
        result = await self._stall.run(finalize.take_over, job.folder, job.settings, header)
        await kept_header.keep(job, self._stall, headers.finish(header, grant, result)[0])
        await job.leases.update_header(lambda h: headers.finish(h, grant, result))

    async def _commit(self, header: Header, grant: Grant) -> None:
        from parallelrun_agent.output import finalize

        job = self._job
        try:
            result = await self._stall.run(finalize.commit, job.folder, job.settings, header)
            if url := remote.url_of(job.settings):
                await self._put(url)
            await self._succeed()
        except ParallelRunError as error:
            message = job.shown(str(error))
            log.error("the output could not be made: %s", message)
            await job.leases.update_header(lambda h: headers.fail(h, grant, "OutputFailed", message))
            return
        await kept_header.keep(job, self._stall, headers.finish(header, grant, result)[0])
        # Somebody who was frozen may have removed _SUCCESS before the kept header said that the job is done.
        await self._succeed()
        _, done = await job.leases.update_header(lambda h: headers.finish(h, grant, result))
        if done:
            await self._stall.run(finalize.clean_up, job.folder, job.settings.output)
            if job.settings.stores and not job.settings.in_pod:  # a pod's goes with the pod
                await asyncio.to_thread(shutil.rmtree, job.cache, ignore_errors=True)

    async def _succeed(self) -> None:
        """Say that all is there, wherever the output is."""
        from parallelrun_agent.output import finalize

        job = self._job
        if url := remote.url_of(job.settings):
            await self._stall.run_on_stores(remote.succeed, job.storage, url)
        await self._stall.run(finalize.succeed, job.folder, job.settings)

    async def _put(self, url: str) -> None:
        """Put the output where it is to be; also a store that refuses is waited for, since all the work is done."""
        job, run = self._job, self._stall.run_on_stores
        log.info("putting the output to %s", url)
        await run(remote.claim, job.storage, url, job.settings, partial(owner.is_done, job.folder, job.settings.uid))
        await run(remote.publish, job.storage, url, job.folder, job.settings)

    async def _report_aborted(self, header: Header, grant: Grant) -> None:
        from parallelrun_agent.output import finalize

        await self._let_others_end(header)
        result = await self._stall.run(finalize.report_aborted, self._job.folder, self._job.settings, header)
        await kept_header.keep(self._job, self._stall, headers.finish(header, grant, result)[0])
        await self._job.leases.update_header(lambda h: headers.finish(h, grant, result))

    async def _let_others_end(self, header: Header) -> None:
        """Wait, but not long, until no node holds a lease: what the job failed of may not be durable before that."""
        deadline = time.monotonic() + LAST_RESULTS_SECONDS
        look = POD_LOOK_SECONDS if self._job.settings.in_pod else LOOK_SECONDS
        try:
            while time.monotonic() < deadline:
                shards = [await self._job.leases.shard(k) for k in range(header.shards)]
                if not any(allocator.holders(shard) for shard in shards if shard is not None):
                    return
                await asyncio.sleep(look)
        except StoreGone:  # a shard was deleted, which may be why the job was aborted: the reports come all the same
            return
        log.warning("reporting without waiting any longer for nodes that still hold mini-batches")


def _reopener(
    ranges: list[tuple[int, int]], prepared: Prepared, epoch: int | None
) -> Callable[[allocator.Shard], tuple[allocator.Shard, bool]]:
    def reopen(state: allocator.Shard) -> tuple[allocator.Shard, bool]:
        for start, stop in ranges:
            state = allocator.reopen(state, start, stop, (), prepared.uncount(start, stop), epoch)
        return state, allocator.done(state)

    return reopen
