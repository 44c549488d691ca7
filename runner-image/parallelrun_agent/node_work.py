"""Running mini-batches on one node: carries out what the machine decides, and tells it what happened.

The synchronous part (sockets to the worker) is done on the spot; what needs the lease store or a disk becomes a task,
and :meth:`NodeWork.settled` waits for all of them. A task that fails stops the agent: nothing is swallowed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout, web_addresses
from parallelrun.leases import header as headers
from parallelrun.leases.header import Header
from parallelrun_agent import events as ev
from parallelrun_agent.failure_segment import FailureSegment
from parallelrun_agent.host_process import HostProcess
from parallelrun_agent.job import Job
from parallelrun_agent.lease_work import LeaseWork
from parallelrun_agent.machine import Machine
from parallelrun_agent.plan import PlanReader
from parallelrun_agent.registered_models import RegisteredModels
from parallelrun_agent.report.failures import failure_payload, shortened
from parallelrun_agent.report.perf import ResourceSampler
from parallelrun_agent.report.user_errors import UserErrors
from parallelrun_agent.rules import Rules
from parallelrun_agent.slots import Slots
from parallelrun_agent.stall import Stall
from parallelrun_agent.supplies import Supplies
from parallelrun_agent.tries import TriesFile
from parallelrun_agent.worker_config import write_worker_config
from parallelrun_agent.worker_link import WorkerLink
from parallelrun_worker import wire

if TYPE_CHECKING:
    from parallelrun_agent.cache import Cache
    from parallelrun_agent.prefetch import Prefetch

log = logging.getLogger(__name__)

#: In a cluster, where each write is the API server's work, a lease that is complete may wait so long for a claim.
COMPLETE_WITHIN_SECONDS = 10.0
#: The first sample of CPU and memory is taken when processes have had the time to start.
FIRST_SAMPLE_SECONDS = 1.0

#: Texts that go to the header or a node's lease are cut at this many characters; logs and reports have all of it.
MESSAGE_LIMIT = 8000


class NodeWork:
    """One node's part of a running job; made when the plan is there."""

    def __init__(
        self,
        job: Job,
        plan: PlanReader,
        header: Header,
        host: HostProcess | None,
        stall: Stall,
        supplies: Supplies,
        beat: Callable[[], Awaitable[None]],
    ) -> None:
        """``beat`` tells the node's lease of all that there is to tell now."""
        settings = job.settings
        self._job, self._plan, self._host, self._stall = job, plan, host, stall
        self.machine = Machine(
            Rules(
                processes=settings.process_count_per_node,
                nodes=max(settings.node_count, settings.node_limit),
                run_max_try=settings.run_max_try,
                timeout=settings.run_invocation_timeout,
                overhead_timeout=settings.advanced.task_overhead_timeout,
                gpus=tuple(settings.gpus),
                complete_within=COMPLETE_WITHIN_SECONDS if settings.in_pod else 0.0,
                fetches=job.fetches,
            )
        )
        segments = job.folder / layout.SEGMENTS
        segments.mkdir(parents=True, exist_ok=True)
        self._slots = Slots(layout.slots_file(job.folder, job.node, job.holder), settings.process_count_per_node)
        self._tries = TriesFile(layout.tries_file(job.folder, job.node, job.holder))
        self._failures = FailureSegment(segments, job.node, job.holder)
        self._user_errors = UserErrors(job.folder, job.node)
        self._link = WorkerLink(
            self._slots, segments, job.node, job.holder, self.dispatch, self._answer, self._host_error
        )
        self._prefetch: Prefetch | None = None  # where files are fetched
        self._cache: Cache | None = None
        self._unrecorded_alone: int | None = None  # a suspect that waits for its files
        self.models = RegisteredModels(job, supplies, beat)  # that scripts asked for
        self._leases = LeaseWork(job, plan, header, self.machine, self.models.tell)
        self._tasks: set[asyncio.Task[None]] = set()
        self._questions: set[asyncio.Task[None]] = set()  # of processes; nobody waits for them when these are gone
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drained = asyncio.Event()
        self._closed = False
        self._last_failure_sync = 0.0
        self._sampler = ResourceSampler(job.folder, job.node)
        self._next_sample = time.monotonic() + FIRST_SAMPLE_SECONDS

    async def start(self) -> None:
        """Listen for the worker; the host may be there already, waiting."""
        if self._job.fetches:
            await self._fetch_files()
        write_worker_config(self._job, self._plan.input_config(), self._cache.folder if self._cache else None)
        await self._link.listen(str(self._job.meeting / wire.SOCKET))

    async def _fetch_files(self) -> None:
        from parallelrun_agent import cache  # as the rest, for jobs that fetch: others start without
        from parallelrun_agent.downloads import Downloads
        from parallelrun_agent.fetcher import Fetcher
        from parallelrun_agent.prefetch import Prefetch

        job, settings, table = self._job, self._job.settings, self._plan.document["table"]
        mounted = [one.name for one in settings.inputs if one.mode == "Mount" and table is None]
        name, shared = f"{job.name}-{job.holder}", not settings.in_pod
        self._cache = await self._stall.run(cache.for_agent, job.cache, name, mounted, shared)
        fetcher = Fetcher(job.storage, settings.inputs, table, self._cache, Downloads(job.cache, job.storage))
        self._prefetch = Prefetch(
            self.machine,
            self._plan,
            fetcher,
            settings.cache_bytes,
            self._stall,
            self._send_fetched,
            self.dispatch,
            self._give_up,
            settings.cache_limit,
        )

    # --- what the rest of the agent asks ---

    def tick(self) -> None:
        """To be called a few times a second."""
        if self._failed.done():
            self._failed.result()
        if self._host is not None and not self.machine.host_up and self.machine.draining is None:
            self._host.revive()
        self.dispatch(ev.Tick(self._slots.read_all(), self._leases.unclaimed))
        self._sample(time.monotonic())
        if time.monotonic() - self._last_failure_sync > 2.0:
            self._task(self._sync_failures())

    def _sample(self, now: float) -> None:
        if now >= self._next_sample:
            self._next_sample = now + self._job.settings.advanced.resource_monitor_interval
            pids = {layout.process_name(n): pid for n, pid in sorted(self._link.pids.items())}
            with contextlib.suppress(OSError):  # a log: a full volume is said elsewhere
                self._sampler.sample(time.time(), {"agent": os.getpid(), **pids})

    def header_changed(self, header: Header) -> None:
        """Tell about a newer header."""
        self._leases.header = header

    def work_returned(self) -> None:
        """Something may be claimable again."""
        self.dispatch(ev.WorkReturned())

    async def failed(self) -> None:
        """Wait for a task to fail; raises what it raised."""
        await asyncio.shield(self._failed)

    async def drain(self, seconds: float) -> None:
        """Start nothing more, seal and give back; what runs after ``seconds`` is killed, uncharged."""
        self.dispatch(ev.Drain(time.monotonic() + seconds))
        for event in self._prefetch.withdraw() if self._prefetch is not None else ():
            self.dispatch(event)
        while not self._drained.is_set():
            self.tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):  # Python 3.11's wait_for may lose a cancellation
                    await self._drained.wait()
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything that was asked of store and disk is done; raises what went wrong."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._failed.done():
            self._failed.result()

    def close(self) -> None:
        """Close the sockets: the worker leaves at that, and its end is nobody's fault."""
        if not self._closed and self.machine.alone is not None:
            self._tries.survived(self.machine.alone[1])
        self._closed = True
        self._link.stop()
        self._link.close()
        for question in self._questions:
            question.cancel()
        if self._prefetch is not None:
            self._prefetch.close()
        if self._cache is not None:
            self._cache.close()

    @property
    def waits_for_files(self) -> bool:
        """Whether nothing can run before a file has come."""
        return self._prefetch is not None and self._prefetch.keeps_all_waiting

    def running(self) -> list[str]:
        """What the busy processes run, for people."""
        slots = [slot for slot in self._slots.read_all() if slot.state != wire.IDLE]
        return [f"{s.mini_batch}" + (f" (try {s.try_number})" if s.try_number > 1 else "") for s in slots]

    # --- events to instructions ---

    def dispatch(self, event: ev.Event) -> None:
        """Tell the machine, and do what it says; nothing more once this is closed."""
        if self._closed:
            return
        if type(event) in _NOTEWORTHY:
            log.info("%s", event)
        if self._prefetch is not None:
            event = self._seen_by_prefetch(self._prefetch, event)
        if isinstance(event, ev.MiniBatchFailed | ev.InitFailed):  # of scripts that read by signed addresses
            event = replace(event, text=web_addresses.shown(event.text))
        for instruction in self.machine.handle(event, time.monotonic()):
            _CARRY_OUT[type(instruction)](self, instruction)

    @staticmethod
    def _seen_by_prefetch(prefetch: Prefetch, event: ev.Event) -> ev.Event:
        """Whatever happens may change what is to be fetched; texts of processes get URLs for paths of fetched files."""
        prefetch.wake()
        if isinstance(event, ev.ProcessExited):
            prefetch.gone((event.process, event.incarnation))
        elif isinstance(event, ev.HostLost):
            prefetch.gone(None)
        elif isinstance(event, ev.MiniBatchFailed):
            return replace(event, text=prefetch.shown(event.mini_batch, event.text))
        return event

    def _task(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]] | None = None) -> None:
        task = asyncio.create_task(work)
        (self._tasks if among is None else among).add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._questions.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _spawn(self, i: ev.Spawn) -> None:
        environment = {} if i.gpu is None else {"CUDA_VISIBLE_DEVICES": i.gpu}
        self._link.spawn(i.process, i.incarnation, environment)

    def _kill(self, i: ev.Kill) -> None:
        self._link.kill(i.process, i.incarnation)

    def _send(self, i: ev.Send) -> None:
        who = (i.process, self.machine.processes[i.process].incarnation)
        if self._prefetch is not None:
            self._prefetch.hand_out(who, i.tasks)
        else:
            self._link.send(who, ["run", self._group(i.tasks)])

    def _send_fetched(self, who: tuple[int, int], tasks: Sequence[tuple[int, int, int]]) -> None:
        assert self._prefetch is not None
        if self._unrecorded_alone == tasks[0][0]:
            self._tries.alone(tasks[0][0])
            self._unrecorded_alone = None
        group = self._group(tasks)
        for one in group:
            one[3] = self._prefetch.staged(one[0]).work(one[3])
        self._link.send(who, ["run", group])

    def _group(self, tasks: Sequence[tuple[int, int, int]]) -> list[list[Any]]:
        first, last = tasks[0][0], tasks[-1][0]
        if last - first + 1 == len(tasks):
            works = self._plan.work(first, last + 1)
        else:
            works = [self._plan.work(m, m + 1)[0] for m, _, _ in tasks]
        return [[*task, work] for task, work in zip(tasks, works, strict=True)]

    def _end(self, i: ev.End) -> None:
        self._link.send((i.process, self.machine.processes[i.process].incarnation), ["end"])

    def _claim(self, i: ev.Claim) -> None:
        self._task(self._claim_task(i))

    async def _claim_task(self, i: ev.Claim) -> None:
        self.dispatch(await self._leases.claim(i))

    def _complete(self, i: ev.Complete) -> None:
        self._leases.end(i)
        self._task(self._leases.write_end(i.start, i.epoch, (), i.counts))

    def _give_back(self, i: ev.GiveBack) -> None:
        self._leases.end(i)
        self._task(self._leases.write_end(i.start, i.epoch, i.unfinished, i.counts))

    def _shrink(self, i: ev.Shrink) -> None:
        self._task(self._leases.shrink(i))

    def _charge(self, i: ev.Charge) -> None:
        self._tries.charged(i.mini_batch, i.try_number)
        files = self._files(i.mini_batch)
        self._user_errors.append(
            i.process if i.process >= 0 else None, i.mini_batch, i.try_number, i.kind, i.text, files
        )
        log.warning("mini-batch %d, try %d: %s: %s", i.mini_batch, i.try_number, i.kind, i.text.splitlines()[-1:])

    def _files(self, mini_batch: int) -> list[str]:
        """Those of a mini-batch, for reports."""
        return [web_addresses.shown(path) for path in self._plan.files(mini_batch)]

    def _run_alone(self, i: ev.RunAlone) -> None:
        log.warning("mini-batch %d was running when the worker died: it runs alone now", i.mini_batch)
        if self._prefetch is not None:
            self._unrecorded_alone = i.mini_batch  # who dies while files are fetched does not die of it
        else:
            self._tries.alone(i.mini_batch)

    def _ran_alone(self, i: ev.RanAlone) -> None:
        if self._unrecorded_alone == i.mini_batch:
            self._unrecorded_alone = None
        else:
            self._tries.survived(i.mini_batch)

    def _record_failure(self, i: ev.RecordFailure) -> None:
        blame = i.blame
        payload = failure_payload(
            blame.kind, blame.text, self._files(i.mini_batch), blame.process if blame.process >= 0 else None
        )
        self._failures.add(payload, i.mini_batch, i.epoch, i.try_number, i.items, blame.seconds)

    def _seal(self, _: ev.Seal) -> None:
        self._link.seal()
        self._task(self._sync_failures())

    async def _sync_failures(self) -> None:
        self._last_failure_sync = time.monotonic()
        try:
            sealed = self._failures.sync()
        except OSError as error:
            self._host_error(f"cannot write failures: {error}")
            return
        self._stall.clear()
        if sealed:
            self.dispatch(ev.Sealed(ev.AGENT, 0, sealed))

    def _abort(self, i: ev.Abort) -> None:
        async def change() -> None:
            message = shortened(i.message, MESSAGE_LIMIT)
            await self._job.leases.update_header(lambda h: (headers.abort(h, i.reason, message), None))

        self._task(change())

    def _note(self, i: ev.Note) -> None:
        log.warning("mini-batch %d: %s", i.mini_batch, i.text)

    def _drained_now(self, _: ev.Drained) -> None:
        self._drained.set()

    # --- questions and trouble ---

    def _answer(self, kind: str, arguments: list[Any], reply: Callable[[list[Any]], None]) -> None:
        """A model that the job does not list, by name and version: [path, version], or [None, why not]."""

        async def find() -> None:
            reply(await self.models.answer(*arguments))

        if kind == "model":
            self._task(find(), self._questions)
        else:
            reply([None, f"no such question: {kind}"])

    def _host_error(self, text: str) -> None:
        self._stall.set(text)


#: Events that are logged: few, however many mini-batches there are.
_NOTEWORTHY = (ev.HostUp, ev.HostLost, ev.ProcessReady, ev.InitFailed, ev.ProcessExited, ev.SegmentError, ev.Drain)

_CARRY_OUT: dict[type, Callable[[NodeWork, Any], None]] = {
    ev.Spawn: NodeWork._spawn,
    ev.Kill: NodeWork._kill,
    ev.Send: NodeWork._send,
    ev.End: NodeWork._end,
    ev.Claim: NodeWork._claim,
    ev.Complete: NodeWork._complete,
    ev.GiveBack: NodeWork._give_back,
    ev.Shrink: NodeWork._shrink,
    ev.Charge: NodeWork._charge,
    ev.RunAlone: NodeWork._run_alone,
    ev.RanAlone: NodeWork._ran_alone,
    ev.RecordFailure: NodeWork._record_failure,
    ev.Seal: NodeWork._seal,
    ev.Abort: NodeWork._abort,
    ev.Note: NodeWork._note,
    ev.Drained: NodeWork._drained_now,
}
