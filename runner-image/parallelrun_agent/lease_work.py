"""One node's leases in the lease store: claims them, and writes what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from parallelrun.api.settings import JobSettings
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases.claim_size import WORTH_SECONDS, WORTH_SECONDS_IN_CLUSTERS, claim_size
from parallelrun.leases.client import NotThere
from parallelrun.leases.header import Header
from parallelrun_agent import events as ev
from parallelrun_agent.inheritance import inherit
from parallelrun_agent.job import Job
from parallelrun_agent.machine import Machine
from parallelrun_agent.plan import PlanReader
from parallelrun_agent.shard_writes import ShardWrites


class NotHolder(Exception):
    """Another holder acts for this node now."""


class LeaseWork:
    """Of one node; everything raises what the lease store raises."""

    def __init__(
        self, job: Job, plan: PlanReader, header: Header, machine: Machine, tell: Callable[[], Awaitable[None]]
    ) -> None:
        """``header`` is to be replaced by newer ones; of the ``machine`` only its leases are looked at.

        ``tell`` has told of what scripts were given before what they made of it counts.
        """
        self.header = header
        self.unclaimed: int | None = None  # mini-batches that nobody has, as far as is known
        self._job, self._plan, self._machine, self._tell = job, plan, machine, tell
        self._writes = ShardWrites(job.leases)
        self._ending: set[tuple[int, int]] = set()  # start and epoch of leases whose end is being written

    async def claim(self, i: ev.Claim) -> ev.LeaseGranted | ev.NoWork:
        """Claim a lease from the first shard that has work, with what former holders did of it."""
        settings, job = self._job.settings, self._job
        for shard in self._shard_order():
            lease, left = await self._claim_from(shard, claimer(job.holder, settings, i, self._held))
            if lease is not None:
                break
        else:
            self.unclaimed = 0
            return ev.NoWork()
        self.unclaimed = left
        former = tuple(lease.former)
        arguments = (job.folder, former, lease.start, lease.stop, settings.run_max_try, self._retry_failures_below())
        left_behind = inherit(*arguments) if not former else await asyncio.to_thread(inherit, *arguments)
        charged = left_behind.charged or {}
        return ev.LeaseGranted(
            lease.epoch,
            lease.start,
            lease.stop,
            left,
            left_behind.finished,
            left_behind.counts,
            charged,
            {m: self._plan.items(m) or 0 for m in charged},
            left_behind.suspects,
        )

    def end(self, i: ev.Complete | ev.GiveBack) -> None:
        """A lease is about to be ended by :meth:`write_end`: a claim does not take it for one that was lost."""
        self._ending.add((i.start, i.epoch))

    async def write_end(
        self, start: int, epoch: int, unfinished: Sequence[tuple[int, int]], counts: tuple[int, ...]
    ) -> None:
        """Complete a lease, or give back what is ``unfinished`` of it. Raises NotHolder."""
        holder, shard, seen = self._job.holder, self._shard_of(start), self.header.epoch

        def change(state: allocator.Shard) -> tuple[allocator.Shard, tuple[bool, bool]]:
            tally = allocator.Counts(*counts)
            if unfinished:
                state, ok = allocator.give_back(state, holder, epoch, unfinished, tally)
            else:
                state, ok = allocator.complete(state, holder, epoch, tally)
            return state, (ok, allocator.done(state))

        await self._tell()
        ok, done = await self._writes.apply(shard, change)
        self._ending.discard((start, epoch))
        if not ok:
            raise NotHolder(f"lease {epoch:#x} of mini-batches from {start} on is another's now")
        if done:
            await self._job.leases.update_header(lambda h: (headers.shard_completed(h, shard, seen), None))

    async def shrink(self, i: ev.Shrink) -> None:
        """Give back the end of a lease. Raises NotHolder."""
        shard = self._shard_of(i.start)
        ok = await self._writes.apply(shard, lambda s: allocator.shrink(s, self._job.holder, i.epoch, i.stop))
        if not ok:
            raise NotHolder(f"lease {i.epoch:#x} of mini-batches from {i.start} on is another's now")

    def _retry_failures_below(self) -> int:
        """In a cluster, a job is of a later generation only where it runs again what failed in an earlier one."""
        settings, generation = self._job.settings, self.header.generation
        if settings.in_pod:
            return generation << headers.GENERATION_SHIFT if generation > 1 else 0
        return settings.retry_failures_below

    def _held(self) -> set[tuple[int, int]]:
        """(start, epoch) of the leases that this agent knows it has, those included whose end is being written."""
        return {(lease.start, lease.epoch) for lease in self._machine.leases.open.values()} | self._ending

    async def _claim_from(self, shard: int, claim: Claimer) -> tuple[allocator.Lease | None, int]:
        try:
            return await self._writes.apply(shard, claim)
        except NotThere:  # the first claim of all makes the shard, as the published plan says
            start, stop = allocator.split(self._plan.total, self.header.shards)[shard]
            await self._job.leases.create_shard(shard, allocator.new(start, stop, self.header.generation))
            return await self._writes.apply(shard, claim)

    def _shard_order(self) -> list[int]:
        """The home shard, then the others with work."""
        home = self._job.node * self.header.shards // max(self._job.settings.node_count, 1)
        order = [(home + k) % self.header.shards for k in range(self.header.shards)]
        return [k for k in order if self.header.open_shards >> k & 1]

    def _shard_of(self, mini_batch: int) -> int:
        return allocator.shard_of(mini_batch, self._plan.total, self.header.shards)


Claimer = Callable[[allocator.Shard], tuple[allocator.Shard, tuple[allocator.Lease | None, int]]]


def claimer(holder: str, settings: JobSettings, i: ev.Claim, known: Callable[[], set[tuple[int, int]]]) -> Claimer:
    """A claim; a lease that the holder has and never heard of (the store's answer was lost) is the one it gets.

    ``known``: start and epoch of the leases that it knows it has, or is giving up.
    """
    worth = WORTH_SECONDS_IN_CLUSTERS if settings.in_pod else WORTH_SECONDS

    def claim(state: allocator.Shard) -> tuple[allocator.Shard, tuple[allocator.Lease | None, int]]:
        left = allocator.unclaimed(state)
        for lost in allocator.held(state, holder):
            if (lost.start, lost.epoch) not in known():
                return state, (lost, left)
        want = claim_size(i.last, settings.process_count_per_node, left, settings.node_count, i.rate, worth)
        state, lease = allocator.claim(state, holder, want)
        return state, (lease, allocator.unclaimed(state))

    return claim
