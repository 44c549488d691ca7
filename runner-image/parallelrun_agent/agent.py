"""One agent's life: take the node, plan or wait for the plan, work, finalize or wait, leave.

It follows the header's phase and nothing else, so a successor picks up where any agent died. Heartbeats go on
beside whatever it does; an agent that is no longer its node's holder stops at once, whatever it was doing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from parallelrun.api import exit_codes
from parallelrun.api.errors import ParallelRunError
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.store import HEADER, shard_name
from parallelrun_agent import kept_header
from parallelrun_agent.finalizing import Finalizing
from parallelrun_agent.host_process import HostProcess
from parallelrun_agent.job import Job
from parallelrun_agent.lease_work import NotHolder
from parallelrun_agent.node_work import NodeWork
from parallelrun_agent.planning import Planning
from parallelrun_agent.progress import progress_of
from parallelrun_agent.stall import Stall
from parallelrun_agent.supplies import Supplies

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
#: An agent that is told to leave gives the mini-batches that run so long to end.
DRAIN_SECONDS = 20.0
#: After that, a lease store that does not answer is waited for no longer: what is sealed is found by the next holder.
LAST_WORDS_SECONDS = 5.0
#: A node without work looks at the shards no more often than this.
LOOK_SECONDS = 0.05
#: A store that does not answer for so long, while nothing else can be done, is told of. In a cluster tools take the
#: condition for a failure, and a moment is no failure.
TELL_SECONDS, POD_TELL_SECONDS = 3.0, 30.0
#: In a pod, where many nodes look and the API server answers each, so often; up to twice that, at random.
POD_LOOK_SECONDS = 1.0


class Agent:
    """One agent process."""

    def __init__(
        self, job: Job, beat_seconds: float, host: HostProcess | None, drain_seconds: float, leave: asyncio.Event
    ) -> None:
        """``leave`` is set (SIGTERM) to have it seal, give everything back and leave."""
        self._job, self._beat_seconds, self._host = job, beat_seconds, host
        self._drain_seconds = drain_seconds
        self._stall = Stall(self._waits_for)
        self._work: NodeWork | None = None
        self._work_ended = False
        self._supplies = Supplies(job, self._stall)
        self._supplied = False
        self._state = "starting"
        self._header: Header | None = None
        self._version = ""
        self._leave = leave

    def _waits_for(self) -> str:
        """The store that all of this node waits for; while anything else runs, ``store_health`` decides that."""
        after = POD_TELL_SECONDS if self._job.settings.in_pod else TELL_SECONDS
        works = self._state == "running" and not (self._work is not None and self._work.waits_for_files)
        return "" if works else self._job.waits_for(after)

    @property
    def met_the_worker(self) -> bool:
        """Whether a worker host may have joined this agent, and leaves by itself when let go."""
        return self._work is not None

    async def run(self) -> int:
        """Run to the end; returns an exit code of ``parallelrun.api.exit_codes``."""
        if not await self._unless_leaving(self._take):
            return exit_codes.AGENT_DRAINED
        beside = [asyncio.create_task(self._beat()), asyncio.create_task(self._tick())]
        main = asyncio.create_task(self._follow())
        try:
            done, _ = await asyncio.wait([main, *beside], return_when=asyncio.FIRST_COMPLETED)
            return max(task.result() or 0 for task in done)
        except NotHolder as error:
            log.warning("stopping: %s", error)
            return exit_codes.AGENT_NOT_HOLDER
        finally:
            for task in [main, *beside]:
                task.cancel()
            if self._work is not None:
                self._work.close()

    # --- beside everything ---

    async def _beat(self) -> int:
        while True:
            await self._beat_once()
            await asyncio.sleep(self._beat_seconds)

    async def _beat_once(self) -> None:
        holder, progress = self._job.holder, progress_of(self._state, self._stall, self._work)

        def renew(lease: nodes.NodeLease | None) -> tuple[nodes.NodeLease, bool]:
            return (nodes.take(lease, holder), True) if lease is None else nodes.renew(lease, holder, progress)

        _, ok = await self._job.leases.update_node(self._job.node, renew)
        if not ok:
            raise NotHolder(f"another agent acts for {self._job.name} now")

    async def _tick(self) -> int:
        while True:
            if self._work is not None and not self._work_ended:
                self._work.tick()
            await asyncio.sleep(TICK_SECONDS)

    # --- the header's phases ---

    async def _take(self) -> bool:
        await self._job.leases.update_node(self._job.node, lambda lease: (nodes.take(lease, self._job.holder), None))
        return True

    async def _follow(self) -> int:
        while True:
            if not await self._unless_leaving(self._read_header):
                return await self._go()
            assert self._header is not None
            if self._header.phase is Phase.DONE or (self._header.phase is Phase.ABORTED and self._header.reported):
                await self._end_work(0.0)
                return exit_codes.AGENT_DONE
            if not await self._step(self._header):
                await self._wait_for_change()

    async def _step(self, header: Header) -> bool:
        """Do what the phase asks of this agent; False: nothing, at the moment."""
        if header.phase is Phase.PLANNING:
            self._state = "planning"
            return await self._cut_short(Planning(self._job, self._stall).step(), self._aborted)
        if header.phase is Phase.RUNNING and header.open_shards:
            if self._supplies.needed and not self._supplied:
                self._state = "fetching"
                return await self._cut_short(self._supply(header), self._not_running)
            await self._start_work(header)
            return False
        if header.phase is Phase.ABORTED:
            await self._end_work(0.0)
        else:
            await self._end_work(self._job.settings.run_invocation_timeout)
        self._state = "finalizing"
        return await self._cut_short(Finalizing(self._job, self._stall).step())

    async def _unless_leaving(self, step: Callable[[], Coroutine[Any, Any, bool]]) -> bool:
        """Whether ``step`` came to its end; it is not begun, or cut short, when the agent is told to leave."""
        return not self._leave.is_set() and await self._cut_short(step()) and not self._leave.is_set()

    async def _cut_short(
        self, step: Coroutine[Any, Any, bool], *others: Callable[[], Coroutine[Any, Any, None]]
    ) -> bool:
        """A step that may take long is cut short when the agent is told to leave, or one of ``others`` ends."""
        task = asyncio.create_task(step)
        ends = [asyncio.create_task(self._leave.wait()), *(asyncio.create_task(other()) for other in others)]
        try:
            await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else True
        finally:
            for one in (task, *ends):
                one.cancel()

    async def _aborted(self) -> None:
        """Wait until somebody aborts the job."""
        await self._until(lambda phase: phase is Phase.ABORTED)

    async def _not_running(self) -> None:
        """Wait until the job has no work for nodes any more."""
        await self._until(lambda phase: phase is not Phase.RUNNING)

    async def _until(self, wanted: Callable[[Phase], bool]) -> None:
        version = self._version
        while True:
            header, version = await self._job.leases.changed_header(version, 10.0)
            if wanted(header.phase):
                return

    async def _supply(self, header: Header) -> bool:
        """Fetch what the worker needs from its start on; what cannot be had aborts the job."""
        from parallelrun_agent.plan import open_plan

        assert header.plan is not None
        leases = self._job.leases
        is_new = not self._job.settings.in_pod and not any([await leases.shard(k) for k in range(header.shards)])
        try:
            await self._supplies.bring(open_plan(self._job.folder, header.plan.sha256), is_new)
            self._supplied = True
        except (ParallelRunError, OSError) as error:
            message = self._job.shown(str(error))
            log.error("what the job needs cannot be fetched: %s", message)
            await leases.update_header(lambda h: (headers.abort(h, headers.INPUT_ERROR, message), None))
        return True

    async def _go(self) -> int:
        self._state = "leaving"
        try:
            async with asyncio.timeout(self._drain_seconds + LAST_WORDS_SECONDS):
                await self._end_work(self._drain_seconds)
                await self._job.leases.update_header(lambda h: (headers.revoke(h, self._job.holder), None))
        except TimeoutError:
            log.warning("leaving without a word: sealing or the lease store takes too long; the next holder goes on")
        return exit_codes.AGENT_DRAINED

    async def _start_work(self, header: Header) -> None:
        from parallelrun_agent.plan import open_plan

        assert header.plan is not None
        if self._work is None or self._work_ended:
            plan = open_plan(self._job.folder, header.plan.sha256)
            await kept_header.keep_planned(self._job, self._stall, header)
            self._work = NodeWork(self._job, plan, header, self._host, self._stall, self._supplies, self._beat_once)
            self._work_ended = False
            await self._work.start()
            # Slow, and the workers are starting: when there is something to finalize it is there.
            self._preload = asyncio.create_task(asyncio.to_thread(import_module, "parallelrun_agent.output.finalize"))
        self._state = "running"
        self._work.header_changed(header)

    async def _end_work(self, seconds: float) -> None:
        if self._work is not None and not self._work_ended:
            await self._work.drain(seconds)
            self._work_ended = True
            self._work.close()

    # --- waiting ---

    async def _read_header(self) -> bool:
        before = self._header
        self._header, self._version = await self._job.leases.changed_header("", 0)
        if before is None or before.phase is not self._header.phase:
            log.info("the job is %s", self._header.phase.value)
        return True

    async def _wait_for_change(self) -> None:
        """Until the header changes, the agent is told to leave, or work may have come back."""
        waits: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            lambda: self._job.leases.store.wait(HEADER, self._version, 10.0),
            self._leave.wait,
        ]
        if self._work is not None and not self._work_ended:
            waits.append(self._work_came_back)
            waits.append(self._work.failed)
        tasks = [asyncio.create_task(wait()) for wait in waits]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _work_came_back(self) -> None:
        """Idle nodes look at the open shards whenever one changes, but not all the time."""
        work, header, store = self._work, self._header, self._job.leases.store
        assert work is not None
        assert header is not None
        open_shards = [k for k in range(header.shards) if header.open_shards >> k & 1]
        while True:
            if not work.machine.leases.no_work:
                await asyncio.sleep(TICK_SECONDS)
                continue
            self._state = "waiting"
            started = time.monotonic()
            versions = await self._look_at(open_shards, header)
            if versions is None:
                self._state = "running"
                work.work_returned()
                continue
            changes = [asyncio.create_task(store.wait(shard_name(k), v, 10.0)) for k, v in versions.items()]
            if changes:
                await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
            for change in changes:
                change.cancel()
            await asyncio.sleep(max(0.0, self._look_seconds() - (time.monotonic() - started)))

    def _look_seconds(self) -> float:
        return POD_LOOK_SECONDS * random.uniform(1.0, 2.0) if self._job.settings.in_pod else LOOK_SECONDS

    async def _look_at(self, shards: list[int], header: Header) -> dict[int, str] | None:
        """The version of each of ``shards``; None where something is unclaimed.

        A shard that is done is said to be, as whoever finished it may have died.
        """
        versions = {}
        for k in shards:
            shard, versions[k] = await self._job.leases.shard_and_version(k)
            if shard is None or shard.unclaimed:
                return None
            if allocator.done(shard):
                await self._job.leases.update_header(
                    lambda h, k=k: (headers.shard_completed(h, k, header.epoch), None)  # type: ignore[misc]
                )
        return versions
