"""A worker host, its processes and a lease store, simulated: what a machine needs to be driven through any schedule."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from machine_invariants import check

from parallelrun_agent import events as ev
from parallelrun_agent.machine import Machine
from parallelrun_agent.rules import Rules
from parallelrun_agent.slots import NOTHING
from parallelrun_worker.wire import RUNNING


@dataclass
class Worker:
    """One simulated process: it runs its queue in order; records are flushed as they finish."""

    incarnation: int
    queue: deque = field(default_factory=deque)
    waiting: deque = field(default_factory=deque)  # handed out, but their files are still being fetched
    records: list = field(default_factory=list)
    ready: bool = False
    ending: bool = False


class SimulatedNode:
    """Drives a Machine; every random choice comes from ``rng``, time stands still unless told otherwise."""

    def __init__(self, rng: random.Random, total: int, rules: Rules, poison: dict[int, str], items: int = 3) -> None:
        self.rng, self.total, self.poison, self.items = rng, total, poison, items
        self.unfetchable: dict[int, str] = {}  # "gone": for good; "unreachable": however often it is tried
        self.machine = Machine(rules)
        self.workers: dict[int, Worker] = {}
        self.unclaimed: deque[tuple[int, int]] = deque([(0, total)]) if total else deque()
        self.leased: dict[int, tuple[int, int, int]] = {}
        self.epoch = 0
        self.counts = [0, 0, 0, 0, 0]
        self.sealed: dict[int, str] = {}
        self.flushed: dict[tuple[int, int], list] = {}
        self.failures: list = []
        self.charges: list[ev.Charge] = []
        self.calls: list[int] = []
        self.notes: list[ev.Note] = []
        self.events: deque[ev.Event] = deque()
        self.host_up = False
        self.aborted: ev.Abort | None = None
        self.drained = False
        self.now = 0.0
        self.runs_alone: int | None = None

    # --- what the outside does ---

    def give(self, event: ev.Event) -> None:
        """Hand one event to the machine and carry out what it says."""
        expected = self.machine.upcoming(1000)
        instructions = self.machine.handle(event, self.now)
        if isinstance(event, ev.ProcessReady):
            sent = [task[0] for i in instructions if isinstance(i, ev.Send) for task in i.tasks]
            assert sent == expected[: len(sent)], "what comes next was not foretold"
        for instruction in instructions:
            getattr(self, "_" + type(instruction).__name__)(instruction)
        check(self.machine)

    def start_host(self) -> None:
        self.host_up = True
        self.give(ev.HostUp())

    def kill_host(self) -> None:
        """Everything dies; what was flushed is sealed by the agent in the host's stead."""
        self.host_up, self.runs_alone = False, None
        slots = [self._slot(n) for n in range(self.machine.rules.processes)]
        for n, worker in sorted(self.workers.items()):
            self.give(self._sealed_event(n, worker.incarnation, worker.records))
        self.workers.clear()
        self.give(ev.HostLost(slots))

    def kill_process(self, n: int, status: int = -9) -> None:
        worker = self.workers.pop(n)
        self.runs_alone = None
        slot = self._slot_of(worker)
        self.give(self._sealed_event(n, worker.incarnation, worker.records))
        self.give(ev.ProcessExited(n, worker.incarnation, status, slot))

    def step(self) -> bool:
        """Let one random thing happen; False: nothing can."""
        choices = [n for n, w in self.workers.items() if not w.ready or w.queue or w.waiting or w.ending]
        if not choices:
            return False
        n = self.rng.choice(choices)
        worker = self.workers[n]
        if worker.waiting and (not worker.queue or self.rng.random() < 0.5):
            self._fetched(n, worker)
            return True
        if not worker.ready:
            worker.ready = True
            self.give(ev.ProcessReady(n, worker.incarnation))
        elif worker.queue:
            self._run_one(n, worker)
        else:
            self.kill_process(n, 0)
        return True

    def _fetched(self, n: int, worker: Worker) -> None:
        """Files of one waiting mini-batch arrive, or cannot be had; processes get theirs in order."""
        failing = [task for task in worker.waiting if task[0] in self.unfetchable]
        task = self.rng.choice([worker.waiting[0], *failing])
        kind = self.unfetchable.get(task[0])
        if kind is None:
            worker.queue.append(worker.waiting.popleft())
            return
        worker.waiting.remove(task)
        self.give(ev.FetchFailed(n, worker.incarnation, task[0], f"{kind}: no such object", self.items, kind == "gone"))

    def withdraw(self) -> None:
        """What waits goes back, as when the node is drained."""
        for n, worker in self.workers.items():
            waiting, worker.waiting = worker.waiting, deque()
            self.give(ev.Withdrawn(n, worker.incarnation, [task[0] for task in waiting]))

    def _run_one(self, n: int, worker: Worker) -> None:
        mini_batch, epoch, try_number = worker.queue[0]
        kind = self.poison.get(mini_batch, "")
        self.calls.append(mini_batch)
        if kind == "die":
            self.kill_process(n, -11)
        elif kind == "kill-host":
            self.running_now = n
            self.kill_host()
            self.start_host()
        elif kind == "raise":
            worker.queue.popleft()
            self.give(ev.MiniBatchFailed(n, worker.incarnation, mini_batch, self.items, 0.1, "ValueError: no"))
        else:
            worker.queue.popleft()
            returned = self.items - 1 if kind == "short" else self.items
            worker.records.append((mini_batch, epoch, try_number))
            result = [mini_batch, self.items, returned, "remarkable" if kind == "note" else ""]
            self.give(ev.GroupDone(n, worker.incarnation, len(worker.records), 0.001, [result]))

    # --- slots: the first of the queue is running ---

    def _slot(self, n: int) -> ev.Slot:
        return self._slot_of(self.workers[n]) if n in self.workers else NOTHING

    def _slot_of(self, worker: Worker) -> ev.Slot:
        if not worker.queue or not worker.ready:
            return NOTHING
        return ev.Slot(RUNNING, worker.queue[0][0], worker.queue[0][2], self.now, self.items)

    # --- instructions ---

    def _Spawn(self, i: ev.Spawn) -> None:
        assert i.process not in self.workers
        self.workers[i.process] = Worker(i.incarnation)

    def _Kill(self, i: ev.Kill) -> None:
        if i.process in self.workers:
            self.kill_process(i.process)

    def _Send(self, i: ev.Send) -> None:
        if i.process in self.workers:
            worker = self.workers[i.process]
            (worker.waiting if self.machine.rules.fetches else worker.queue).extend(i.tasks)
        if self.runs_alone is not None:
            assert sum(len(w.queue) + len(w.waiting) for w in self.workers.values()) == 1, "a suspect has company"

    def _End(self, i: ev.End) -> None:
        assert self.workers[i.process].ready, "what a process is told before it is ready is lost"
        self.workers[i.process].ending = True

    def _Claim(self, i: ev.Claim) -> None:
        self.events.append(self._grant(max(1, self.rng.randint(1, 2 * i.last + 2))))

    def _grant(self, want: int) -> ev.Event:
        if not self.unclaimed:
            return ev.NoWork()
        start, stop = self.unclaimed.popleft()
        end = min(start + want, stop)
        if end < stop:
            self.unclaimed.appendleft((end, stop))
        self.epoch += 1
        self.leased[start] = (self.epoch, start, end)
        return ev.LeaseGranted(self.epoch, start, end, sum(b - a for a, b in self.unclaimed))

    def _Complete(self, i: ev.Complete) -> None:
        epoch, start, stop = self.leased.pop(i.start)
        assert epoch == i.epoch
        assert i.counts[0] == stop - start, "a lease is completed with fewer mini-batches than it has"
        for mini_batch in range(start, stop):
            assert mini_batch in self.sealed, f"{mini_batch} is reported completed and not sealed"
        self.counts = [a + b for a, b in zip(self.counts, i.counts, strict=True)]

    def _GiveBack(self, i: ev.GiveBack) -> None:
        _, start, stop = self.leased.pop(i.start)
        unfinished = {m for a, b in i.unfinished for m in range(a, b)}
        assert i.counts[0] == stop - start - len(unfinished)
        for mini_batch in range(start, stop):
            assert (mini_batch in unfinished) != (mini_batch in self.sealed), mini_batch
        self.unclaimed.extend(i.unfinished)
        self.counts = [a + b for a, b in zip(self.counts, i.counts, strict=True)]

    def _Shrink(self, i: ev.Shrink) -> None:
        epoch, start, stop = self.leased[i.start]
        self.leased[i.start] = (epoch, start, i.stop)
        self.unclaimed.append((i.stop, stop))

    def _Charge(self, i: ev.Charge) -> None:
        self.charges.append(i)

    def _RunAlone(self, i: ev.RunAlone) -> None:
        self.runs_alone = i.mini_batch

    def _RanAlone(self, _: ev.RanAlone) -> None:
        self.runs_alone = None

    def _RecordFailure(self, i: ev.RecordFailure) -> None:
        self.failures.append(i)

    def _Seal(self, _: ev.Seal) -> None:
        for n, worker in self.workers.items():
            self.events.append(self._sealed_event(n, worker.incarnation, worker.records))
        for failure in self.failures:
            self.sealed[failure.mini_batch] = "failed"
        self.events.append(ev.Sealed(ev.AGENT, 0, len(self.failures)))

    def _sealed_event(self, n: int, incarnation: int, records: list) -> ev.Sealed:
        for mini_batch, _, _ in records:
            self.sealed[mini_batch] = "succeeded"
        return ev.Sealed(n, incarnation, len(records))

    def _Abort(self, i: ev.Abort) -> None:
        self.aborted = i

    def _Note(self, i: ev.Note) -> None:
        self.notes.append(i)

    def _Drained(self, _: ev.Drained) -> None:
        assert not self.workers
        self.drained = True

    # --- running ---

    def settle(self) -> None:
        """Deliver what the store and the host have answered."""
        while self.events:
            self.give(self.events.popleft())

    def run(self, steps: int = 100_000) -> None:
        """Run until nothing more happens."""
        for _ in range(steps):
            self.settle()
            if not self.step() and not self.events:
                self.now += 5.0
                self.give(ev.Tick([self._slot(n) for n in range(self.machine.rules.processes)]))
                if not self.events and not self.workers_busy():
                    return
        raise AssertionError("the machine never comes to rest")

    def workers_busy(self) -> bool:
        return any(not w.ready or w.queue or w.waiting or w.ending for w in self.workers.values())
