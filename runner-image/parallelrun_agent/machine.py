"""The agent as a pure state machine: events in, instructions out.

It decides what each worker process runs next, whom a death is charged to, when a lease is complete, when to ask for
more and when to give up. It knows no socket, file or clock: ``now`` (CLOCK_MONOTONIC seconds) comes with each event,
so every schedule of crashes can be tested without one.

Whom a death is charged to: a process that dies or is killed is charged to the mini-batch in its slot. When the whole
host dies, everything in a slot is a *suspect*: suspects run one at a time with nothing else on the node, and only one
that dies alone is charged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parallelrun_agent import events as ev
from parallelrun_agent.blame import blame_for, guilty, no_start
from parallelrun_agent.feeding import group_size, groups_in_flight, wanted_ahead
from parallelrun_agent.node_leases import NodeLeases
from parallelrun_agent.open_lease import OpenLease
from parallelrun_agent.rules import Rules
from parallelrun_agent.worker_process import Blame, Group, Process, State, obituary
from parallelrun_worker.wire import IDLE, RUNNING, SEGMENT_FAILED

#: Wait so long before a process is started again after its segment could not be written.
STORAGE_BACKOFF_SECONDS = 2.0
#: So many short returns of a node are logged; the reports have all of them.
SHORT_RETURNS_NOTED = 20
#: Weight of the newest group in the average duration of a mini-batch.
SMOOTHING = 0.3


class Machine:
    """One node's decisions; feed it events with :meth:`handle` and carry out what it returns, in order."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._out: list[ev.Instruction] = []
        self.leases = NodeLeases(rules, lambda instruction: self._out.append(instruction))
        self.processes = [Process(n) for n in range(rules.processes)]
        self.host_up = False
        self.draining: float | None = None
        self.alone: tuple[int, int] | None = None  # (process, mini-batch) that runs with nothing else
        self.average: float | None = None  # seconds a mini-batch
        self.first_done: float | None = None
        self.stalled = ""
        self.init_failures = 0  # all of this node, for the rule over all nodes
        self.init_began = False  # in any process of this node
        self.short_returns = 0
        self.now = 0.0

    # --- the one entry ---

    def handle(self, event: ev.Event, now: float) -> list[ev.Instruction]:
        """Take in one event; the instructions are to be carried out in order."""
        self.now = now
        self._out = []
        _HANDLERS[type(event)](self, event)
        if self.host_up:
            self._spawn()
            self._feed()
        is_draining = self.draining is not None
        self.leases.settle(now, is_draining, is_idle=is_draining and not self.alive)
        return self._out

    @property
    def alive(self) -> int:
        """Processes that may still be there."""
        return sum(p.state is not State.ABSENT for p in self.processes)

    def upcoming(self, count: int) -> list[int]:
        """Up to ``count`` mini-batches that are not handed out, in the order in which they are going to be."""
        return self.leases.upcoming(count)

    @property
    def handed_out(self) -> list[int]:
        """The mini-batches that were given to processes and have not come back."""
        return [mini_batch for p in self.processes for group in p.groups for mini_batch in group.rest]

    # --- events ---

    def _host_up(self, _: ev.HostUp) -> None:
        self.host_up = True

    def _host_lost(self, event: ev.HostLost) -> None:
        self.host_up = False
        alone, self.alone = self.alone, None
        for process, slot in zip(self.processes, event.slots, strict=True):
            for group in process.groups:
                for mini_batch in group.rest:
                    group.lease.in_flight -= 1
                    lonely = alone == (process.number, mini_batch)
                    if slot.state == IDLE or slot.mini_batch != mini_batch or self.draining is not None:
                        (group.lease.suspects if lonely else group.lease.retry).append(mini_batch)
                    elif lonely:
                        text = "the worker host died while this mini-batch, and nothing else, was running"
                        blame = Blame(process.number, "died", text, slot.items)
                        self.leases.charge(group.lease, mini_batch, blame, alone=True)
                    else:
                        group.lease.suspects.append(mini_batch)
            process.groups.clear()
            process.state = State.ABSENT
            process.killed_for = None

    def _ready(self, event: ev.ProcessReady) -> None:
        if process := self._current(event.process, event.incarnation):
            if process.state is State.STARTING:
                process.state = State.READY
            process.init_failures = 0
            self.init_began = True
            self.stalled = ""

    def _init_failed(self, event: ev.InitFailed) -> None:
        if process := self._current(event.process, event.incarnation):
            self.init_began = self.init_began or event.began
            self._count_init_failure(process, event.text)

    def _count_init_failure(self, process: Process, text: str) -> None:
        process.state = State.ENDING
        process.init_failures += 1
        self.init_failures += 1
        self.leases.first_error = self.leases.first_error or text
        if sum(p.init_failures for p in self.processes) >= 3 * self.rules.processes and self.draining is None:
            self._out.append(no_start(self.init_began, self.init_failures, self.leases.first_error))

    def _group_done(self, event: ev.GroupDone) -> None:
        process = self._current(event.process, event.incarnation)
        count = len(event.results)
        if process is None or not count:
            return
        group = process.groups[0]
        lease = group.lease
        if group.tasks[group.position] != event.results[0][0] or group.position + count > len(group.tasks):
            raise AssertionError(f"process {process.number} reports {event.results[0][0]}, sent {group.tasks}")
        for mini_batch, items, returned, note in event.results:
            if returned < items:  # type: ignore[operator]
                lease.items_succeeded += returned  # type: ignore[operator]
                lease.items_failed += items - returned  # type: ignore[operator]
                self._note_short_return(mini_batch, items, returned)  # type: ignore[arg-type]
            else:
                lease.items_succeeded += items  # type: ignore[operator]
            if note:
                self._out.append(ev.Note(mini_batch, note))  # type: ignore[arg-type]
        if lease.charged:
            lease.retried += sum(r[0] in lease.charged for r in event.results)
        lease.completed += count
        lease.unsealed += count
        process.unsealed.append((event.records, lease, count))
        self._came_back(process, group, count)
        self._measure(process, count, event.seconds)

    def _note_short_return(self, mini_batch: int, items: int, returned: int) -> None:
        self.short_returns += 1
        if self.short_returns <= SHORT_RETURNS_NOTED:
            text = f"run returned {returned} elements for {items} items: the difference counts as failed items"
            self._out.append(ev.Note(mini_batch, text))

    def _measure(self, process: Process, count: int, seconds: float) -> None:
        process.completed += count
        self.leases.completed += count
        if self.first_done is None:
            self.first_done = self.now - seconds
        each = seconds / count
        self.average = each if self.average is None else self.average + SMOOTHING * (each - self.average)

    def _came_back(self, process: Process, group: Group, count: int) -> None:
        group.position += count
        group.lease.in_flight -= count
        if group.position == len(group.tasks):
            process.groups.popleft()
        if self.alone and self.alone[0] == process.number:
            self._out.append(ev.RanAlone(self.alone[1]))
            self.alone = None

    def _failed(self, event: ev.MiniBatchFailed) -> None:
        process = self._current(event.process, event.incarnation)
        if process is None:
            return
        group = process.groups[0]
        if group.tasks[group.position] != event.mini_batch:
            raise AssertionError(f"process {process.number} reports {event.mini_batch}, sent {group.tasks}")
        self._came_back(process, group, 1)
        blame = Blame(process.number, "raised", event.text, event.items, event.seconds)
        self.leases.charge(group.lease, event.mini_batch, blame)

    def _fetch_failed(self, event: ev.FetchFailed) -> None:
        process = self._current(event.process, event.incarnation)
        group = process.group_of(event.mini_batch) if process is not None else None
        if process is None or group is None:
            return
        alone = self._take_back(process, group, event.mini_batch)
        blame = Blame(process.number, "input", event.text, event.items)
        self.leases.charge(group.lease, event.mini_batch, blame, alone, event.final)

    def _withdrawn(self, event: ev.Withdrawn) -> None:
        process = self._current(event.process, event.incarnation)
        for mini_batch in reversed(event.mini_batches):
            group = process.group_of(mini_batch) if process is not None else None
            if process is not None and group is not None:
                alone = self._take_back(process, group, mini_batch)
                (group.lease.suspects if alone else group.lease.retry).appendleft(mini_batch)

    def _take_back(self, process: Process, group: Group, mini_batch: int) -> bool:
        """Take a mini-batch that never ran out of its group; whether it was to run alone."""
        group.tasks.remove(mini_batch)
        group.lease.in_flight -= 1
        if group.position == len(group.tasks):
            process.groups.remove(group)
        if self.alone != (process.number, mini_batch):
            return False
        self._out.append(ev.RanAlone(mini_batch))  # for those that come after: it did not take anything with it
        self.alone = None
        return True

    def _segment_error(self, event: ev.SegmentError) -> None:
        if process := self._current(event.process, event.incarnation):
            process.state = State.ENDING
            self.stalled = event.text

    def _exited(self, event: ev.ProcessExited) -> None:
        process = self._current(event.process, event.incarnation)
        if process is None:
            return
        was, process.state = process.state, State.ABSENT
        killed_for, process.killed_for = process.killed_for, None
        if event.status == SEGMENT_FAILED:
            process.not_before = self.now + STORAGE_BACKOFF_SECONDS
        alone = self.alone is not None and self.alone[0] == process.number
        self.alone = None if alone else self.alone
        culprit = guilty(event, killed_for, self.draining is not None)
        if alone and culprit is None:
            self._out.append(ev.RanAlone(process.groups[0].rest[0]))  # its end says nothing about it
        for group in process.groups:
            for mini_batch in group.rest:
                group.lease.in_flight -= 1
                if mini_batch == culprit:
                    self.leases.charge(
                        group.lease, mini_batch, blame_for(event, killed_for, self.rules, self.now), alone
                    )
                elif alone:
                    group.lease.suspects.appendleft(mini_batch)
                else:
                    group.lease.retry.append(mini_batch)
        process.groups.clear()
        if was in (State.STARTING, State.READY) and culprit is None and self.draining is None:
            self.init_began = True  # for all that is known
            when = "before init() returned" if was is State.STARTING else "by itself, between two mini-batches"
            self._count_init_failure(process, f"a worker process ended with {obituary(event.status)} {when}")
            process.state = State.ABSENT

    def _sealed(self, event: ev.Sealed) -> None:
        if event.process == ev.AGENT:
            self.leases.sealed(self.leases.failures_unsealed, event.records)
        elif process := self._current(event.process, event.incarnation):
            self.leases.sealed(process.unsealed, event.records)

    def _granted(self, event: ev.LeaseGranted) -> None:
        self.leases.granted(event)

    def _no_work(self, _: ev.NoWork) -> None:
        self.leases.nothing_left()

    def _work_returned(self, _: ev.WorkReturned) -> None:
        self.leases.no_work = False

    def _tick(self, event: ev.Tick) -> None:
        self.leases.looked(event.unclaimed)
        for process, slot in zip(self.processes, event.slots, strict=True):
            limit = self.rules.timeout if slot.state == RUNNING else self.rules.overhead_timeout
            late = self.draining is not None and self.now >= self.draining
            too_long = slot.state != IDLE and bool(process.groups) and self.now - slot.started > limit
            if process.state in (State.READY, State.STARTING, State.ENDING) and (
                late or (too_long and process.state is State.READY and process.group_of(slot.mini_batch))
            ):
                process.killed_for = None if late else slot.mini_batch
                process.state = State.ENDING
                self._out.append(ev.Kill(process.number, process.incarnation))
        if self.rules.nodes > 1 and self.draining is None:
            self.leases.share(self._seconds_left)

    @property
    def _seconds_left(self) -> float:
        """How long what was not handed out is going to take here, as far as is known."""
        left = self.leases.left
        seconds = left * (self.average or 0.0) / self.rules.processes
        if self.rules.fetches and self._rate:  # fetching may be what takes the time
            seconds = max(seconds, left / self._rate)
        return seconds

    def _drain(self, event: ev.Drain) -> None:
        self.draining = event.deadline if self.draining is None else min(self.draining, event.deadline)

    # --- decisions ---

    def _spawn(self) -> None:
        if self.draining is not None:
            return
        for process in self.processes:
            if process.state is State.ABSENT and self.now >= process.not_before and not process.unsealed:
                process.incarnation += 1
                process.state = State.STARTING
                if process.gpu is None and self.rules.gpus:
                    n = process.number
                    process.gpu = self.rules.gpus[n] if n < len(self.rules.gpus) else ""
                self._out.append(ev.Spawn(process.number, process.incarnation, process.gpu))

    def _feed(self) -> None:
        if self.draining is not None:
            for process in self.processes:  # one that starts cannot be told anything before it is ready
                if not process.groups and process.state is State.READY:
                    process.state = State.ENDING
                    self._out.append(ev.End(process.number))
            return
        if self.alone is not None or any(lease.suspects for lease in self.leases.open.values()):
            self._run_suspect()
            return
        left = self.leases.left
        size = group_size(self.average, left, self.rules.processes)
        depth = groups_in_flight(self.average, size)
        for level in range(1, depth + 1):  # one group for everyone before a second for anyone
            for process in self.processes:
                if process.state is State.READY and len(process.groups) < level:
                    self._send_next(process, size)
        wanted = 2 * depth * size * self.rules.processes
        if self.rules.fetches:
            wanted = max(wanted, wanted_ahead(self.average, self.rules.processes))
        if left < wanted:
            self.leases.claim(self._rate)

    @property
    def _rate(self) -> float:
        """Mini-batches a second, so far; 0: not known."""
        elapsed = self.now - self.first_done if self.first_done is not None else 0.0
        return self.leases.completed / elapsed if elapsed > 0 else 0.0

    def _send_next(self, process: Process, size: int) -> None:
        for lease in self.leases.open.values():
            tasks = [lease.retry.popleft()] if lease.retry else lease.take(size)
            if tasks:
                self._send(process, lease, tasks)
                return

    def _send(self, process: Process, lease: OpenLease, tasks: list[int]) -> None:
        process.groups.append(Group(lease, tasks))
        lease.in_flight += len(tasks)
        charged = lease.charged
        triples = [(m, lease.epoch, charged.get(m, 0) + 1 if charged else 1) for m in tasks]
        self._out.append(ev.Send(process.number, triples))

    def _run_suspect(self) -> None:
        if self.alone is not None or any(p.groups for p in self.processes):
            return
        process = next((p for p in self.processes if p.state is State.READY), None)
        lease = next((lease for lease in self.leases.open.values() if lease.suspects), None)
        if process is not None and lease is not None:
            mini_batch = lease.suspects.popleft()
            self.alone = (process.number, mini_batch)
            self._out.append(ev.RunAlone(mini_batch))
            self._send(process, lease, [mini_batch])

    def _current(self, number: int, incarnation: int) -> Process | None:
        process = self.processes[number]
        return process if process.incarnation == incarnation else None


_HANDLERS: dict[type, Callable[[Machine, Any], None]] = {
    ev.HostUp: Machine._host_up,
    ev.HostLost: Machine._host_lost,
    ev.ProcessReady: Machine._ready,
    ev.InitFailed: Machine._init_failed,
    ev.GroupDone: Machine._group_done,
    ev.MiniBatchFailed: Machine._failed,
    ev.SegmentError: Machine._segment_error,
    ev.ProcessExited: Machine._exited,
    ev.Sealed: Machine._sealed,
    ev.FetchFailed: Machine._fetch_failed,
    ev.Withdrawn: Machine._withdrawn,
    ev.LeaseGranted: Machine._granted,
    ev.NoWork: Machine._no_work,
    ev.WorkReturned: Machine._work_returned,
    ev.Tick: Machine._tick,
    ev.Drain: Machine._drain,
}
