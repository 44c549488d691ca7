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
from itertools import chain, islice
from typing import Any

from parallelrun_agent import events as ev
from parallelrun_agent.blame import blame_for, guilty, no_start
from parallelrun_agent.feeding import group_size, groups_in_flight, wanted_ahead
from parallelrun_agent.ledger import Ledger
from parallelrun_agent.open_lease import OpenLease
from parallelrun_agent.rules import Rules
from parallelrun_agent.worker_process import Blame, Group, Process, State, obituary
from parallelrun_worker.wire import IDLE, RUNNING, SEGMENT_FAILED

#: Wait so long before a process is started again after its segment could not be written.
STORAGE_BACKOFF_SECONDS = 2.0
#: Give work back to other nodes only if it would keep this one busy for longer than this.
SHRINK_ABOVE_SECONDS = 4.0
#: So many short returns of a node are logged; the reports have all of them.
SHORT_RETURNS_NOTED = 20
#: Seal early when so many leases wait for nothing else: the allocator's state stays small.
MANY_LEASES = 8
#: Weight of the newest group in the average duration of a mini-batch.
SMOOTHING = 0.3


class Machine(Ledger):
    """One node's decisions; feed it events with :meth:`handle` and carry out what it returns, in order."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self.processes = [Process(n) for n in range(rules.processes)]
        self.host_up = False
        self.draining: float | None = None
        self.drained = False
        self.alone: tuple[int, int] | None = None  # (process, mini-batch) that runs with nothing else
        self.claiming = False
        self.no_work = False
        self.unclaimed: int | None = None
        self.last_claim = 0
        self.average: float | None = None  # seconds a mini-batch
        self.first_done: float | None = None
        self.stalled = ""
        self.init_failures = 0  # all of this node, for the rule over all nodes
        self.init_began = False  # in any process of this node
        self.short_returns = 0
        self._seal_asked = False
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
        self._settle()
        return self._out

    @property
    def alive(self) -> int:
        """Processes that may still be there."""
        return sum(p.state is not State.ABSENT for p in self.processes)

    def upcoming(self, count: int) -> list[int]:
        """Up to ``count`` mini-batches that are not handed out, in the order in which they are going to be."""
        suspects = chain.from_iterable(lease.suspects for lease in self.leases.values())
        found = list(islice(suspects, count))
        for lease in self.leases.values():
            if len(found) >= count:
                break
            found += lease.upcoming(count - len(found))
        return found

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
                        self._charge(group.lease, mini_batch, blame, alone=True)
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
        self.first_error = self.first_error or text
        if sum(p.init_failures for p in self.processes) >= 3 * self.rules.processes and self.draining is None:
            self._out.append(no_start(self.init_began, self.init_failures, self.first_error))

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
        self.completed += count
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
        self._charge(group.lease, event.mini_batch, blame)

    def _fetch_failed(self, event: ev.FetchFailed) -> None:
        process = self._current(event.process, event.incarnation)
        group = process.group_of(event.mini_batch) if process is not None else None
        if process is None or group is None:
            return
        alone = self._take_back(process, group, event.mini_batch)
        blame = Blame(process.number, "input", event.text, event.items)
        self._charge(group.lease, event.mini_batch, blame, alone, event.final)

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
                    self._charge(group.lease, mini_batch, blame_for(event, killed_for, self.rules, self.now), alone)
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
            unsealed = self.failures_unsealed
        elif process := self._current(event.process, event.incarnation):
            unsealed = process.unsealed
        else:
            return
        while unsealed and unsealed[0][0] <= event.records:
            _, lease, count = unsealed.popleft()
            lease.unsealed -= count
            self._seal_asked = False

    def _granted(self, event: ev.LeaseGranted) -> None:
        self.claiming = False
        self.unclaimed = event.unclaimed
        self.last_claim = event.stop - event.start
        lease = OpenLease(event.epoch, event.start, event.stop, event.finished, dict(event.charged))
        (lease.completed, lease.failed, lease.retried, lease.items_succeeded, lease.items_failed) = (
            event.finished_counts
        )
        for mini_batch in event.suspects:
            if event.finished is None or not event.finished[mini_batch - event.start]:
                lease.suspects.append(mini_batch)
                lease.mark(mini_batch)
        self.leases[event.start] = lease
        for mini_batch, tries in event.charged.items():
            done = event.finished is not None and event.finished[mini_batch - event.start]
            if tries >= self.rules.run_max_try and not done:  # spent, but the holder died before it could say so
                self._spent_before(lease, mini_batch, event.items.get(mini_batch, 0))

    def _no_work(self, _: ev.NoWork) -> None:
        self.claiming = False
        self.no_work = True
        self.unclaimed = 0

    def _work_returned(self, _: ev.WorkReturned) -> None:
        self.no_work = False

    def _tick(self, event: ev.Tick) -> None:
        self._seal_asked = False
        if event.unclaimed is not None:
            self.unclaimed = event.unclaimed
            self.no_work = self.no_work and not event.unclaimed
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
        if self.rules.nodes > 1:
            self._share()

    def _share(self) -> None:
        """Give back half of what was not started, where nothing is left for others and it would take long here."""
        left = sum(lease.left for lease in self.leases.values())
        seconds = left * (self.average or 0.0) / self.rules.processes
        if self.rules.fetches and self._rate:  # fetching may be what takes the time
            seconds = max(seconds, left / self._rate)
        if self.unclaimed != 0 or left <= 2 * self.rules.processes or seconds < SHRINK_ABOVE_SECONDS:
            return
        lease = next(reversed(self.leases.values()))
        fresh = lease.stop - lease.cursor
        if self.draining is None and fresh >= 2 and lease.finished is None:
            lease.stop -= fresh // 2
            self.unclaimed = fresh // 2
            self._out.append(ev.Shrink(lease.start, lease.epoch, lease.stop))

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
        if self.alone is not None or any(lease.suspects for lease in self.leases.values()):
            self._run_suspect()
            return
        left = sum(lease.left for lease in self.leases.values())
        size = group_size(self.average, left, self.rules.processes)
        depth = groups_in_flight(self.average, size)
        for level in range(1, depth + 1):  # one group for everyone before a second for anyone
            for process in self.processes:
                if process.state is State.READY and len(process.groups) < level:
                    self._send_next(process, size)
        wanted = 2 * depth * size * self.rules.processes
        if self.rules.fetches:
            wanted = max(wanted, wanted_ahead(self.average, self.rules.processes))
        if left < wanted and not self.claiming and not self.no_work:
            self.claiming = True
            self._out.append(ev.Claim(self.last_claim, self._rate))

    @property
    def _rate(self) -> float:
        """Mini-batches a second, so far; 0: not known."""
        elapsed = self.now - self.first_done if self.first_done is not None else 0.0
        return self.completed / elapsed if elapsed > 0 else 0.0

    def _send_next(self, process: Process, size: int) -> None:
        for lease in self.leases.values():
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
        lease = next((lease for lease in self.leases.values() if lease.suspects), None)
        if process is not None and lease is not None:
            mini_batch = lease.suspects.popleft()
            self.alone = (process.number, mini_batch)
            self._out.append(ev.RunAlone(mini_batch))
            self._send(process, lease, [mini_batch])

    def _settle(self) -> None:
        """Complete what is complete, seal what everything waits for, and leave when draining is over."""
        for lease in [lease for lease in self.leases.values() if lease.complete and not self._may_wait(lease)]:
            del self.leases[lease.start]
            self._out.append(ev.Complete(lease.start, lease.epoch, lease.counts))
        ran = sum(lease.ran for lease in self.leases.values())
        last = ran == len(self.leases) and (self.no_work or self.draining is not None)
        if ran and (last or ran > MANY_LEASES):
            self._seal_now()
        if self.draining is not None and not self.drained and not self.alive:
            if any(lease.unsealed for lease in self.leases.values()):
                self._seal_now()
            elif not self.claiming:
                self._leave()

    def _may_wait(self, lease: OpenLease) -> bool:
        """Whether a complete lease goes with a later claim. Not where somebody may wait for it."""
        if lease.complete_since is None:
            lease.complete_since = self.now
        if self.claiming or self.no_work or not self.unclaimed or self.draining is not None:
            return False
        return self.now - lease.complete_since < self.rules.complete_within

    def _seal_now(self) -> None:
        if not self._seal_asked:
            self._seal_asked = True
            self._out.append(ev.Seal())

    def _leave(self) -> None:
        for lease in self.leases.values():
            self._out.append(ev.GiveBack(lease.start, lease.epoch, lease.unfinished(), lease.counts))
        self.leases.clear()
        self.drained = True
        self._out.append(ev.Drained())

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
