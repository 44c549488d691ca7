"""A whole job in miniature: the real header and allocator; pods, sealed records and an output modelled beside them.

Time is adversarial, as in ``tests/model/lease_model.py``: any pod may act at any later moment on what it once read or
was granted. A frozen node is simply one that was expired and goes on. Every action checks the promises afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lease_records import Record, completed_in, count, newer, ranges, total, winners

from parallelrun.leases import allocator, header
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Grant, Header, Phase
from parallelrun.leases.shard_json import shard_from_json, shard_to_json

MAX_TRY = 2
PLAN = "plan"


@dataclass
class OpenLease:
    """A pod's own copy of a lease: it works from this, current or not."""

    shard: int
    lease: allocator.Lease
    stop: int
    todo: list[int]
    known: dict[int, Record]  # sealed, by former holders or by this one
    unsealed: dict[int, Record] = field(default_factory=dict)


class Finding(NamedTuple):
    """What a finalizer saw: the table, corrupt mini-batches, and the epochs of the shards that it read."""

    table: dict[int, Record]
    corrupt: frozenset[int]
    epochs: tuple[int, ...]


@dataclass
class Pod:
    name: str
    open: list[OpenLease] = field(default_factory=list)
    planning: Grant | None = None
    grant: Grant | None = None
    finding: Finding | None = None
    seen_done: tuple[int, int] | None = None  # (header epoch, shard), read in this order


class Job:
    """``total`` mini-batches in ``shards`` shards; actions are methods, broken promises AssertionErrors."""

    def __init__(self, total: int, shards: int) -> None:
        self.total = total
        self.header = header.new("uid", shards, "spec", "source")
        self.shards = [allocator.new(a, b, 1) for a, b in allocator.split(total, shards)]
        self.pods: list[Pod] = []
        self.sealed: list[Record] = []
        self.corrupt: set[Record] = set()
        self.tries = dict.fromkeys(range(total), 0)
        self.ledger: dict[int, Counts] = {}  # what was counted for each completed mini-batch
        self.granted: set[tuple[int, int]] = set()  # every (shard, epoch) ever
        self.frozen_table: dict[int, Record] | None = None
        self.output: list[Record] | None = None
        self.reopened: set[int] = set()  # run again whatever is sealed
        self.strays: set[int] = set()  # shards that a superseded finalizer reopened: their bits may be clear
        self.names = 0

    # --- pods and faults ---

    def start_pod(self) -> Pod:
        pod = Pod(f"pod-{self.names}")
        self.names += 1
        self.pods.append(pod)
        return pod

    def crash(self, pod: Pod) -> None:
        self.pods.remove(pod)

    def expire(self, holder: str) -> None:
        self.header = self._stepped(header.revoke(self.header, holder))
        for k, shard in enumerate(self.shards):
            self._put(k, allocator.expire(shard, holder))

    def spoil(self, record: Record) -> None:
        self.corrupt.add(record)

    def resume(self) -> None:
        """All processes are gone; shards are built again from what is sealed."""
        after = header.resume(self.header)
        assert (after == self.header) == (not header.resumable(self.header))
        if after == self.header:
            return
        self.header = self._stepped(after)
        self.pods.clear()
        self.strays.clear()
        self.granted = {(k, e) for k, e in self.granted if e < after.epoch}
        former = sorted({r.holder for r in self.sealed})
        best = winners(self.sealed)
        self.ledger = {}
        for k, (a, b) in enumerate(allocator.split(self.total, self.header.shards)):
            todo = [(m, m + 1) for m in range(a, b) if m not in best]
            shard = allocator.resumed(a, b, after.generation, todo, former, lambda x, y: total(best, range(x, y)))
            self.ledger |= {m: count(best[m]) for m in completed_in(shard)}
            self._put(k, shard)

    # --- planning ---

    def ask_planning(self, pod: Pod) -> None:
        after, grant = header.grant_planning(self.header, pod.name)
        self._exclusive(after, grant)
        pod.planning = grant or pod.planning

    def publish_plan(self, pod: Pod) -> None:
        assert pod.planning is not None
        before = self.header
        after, ok = header.publish_plan(self.header, pod.planning, header.Plan(PLAN, self.total, "input"))
        assert ok == (before.phase is Phase.PLANNING and before.grant == pod.planning)
        assert ok or after is before
        self.header = self._stepped(after)

    # --- ranges ---

    def claim(self, pod: Pod, k: int, want: int) -> None:
        before = self.shards[k]
        after, lease = allocator.claim(before, pod.name, want)
        if lease is None:
            assert after is before
            return
        assert (k, lease.epoch) not in self.granted, f"epoch {lease.epoch} was given twice"
        assert lease.epoch > before.epoch
        self.granted.add((k, lease.epoch))
        self._put(k, after)
        inside = [r for r in self.sealed if lease.start <= r.mini_batch < lease.stop]
        known = winners(r for r in inside if r.holder in lease.former)
        todo = [m for m in range(lease.start, lease.stop) if m not in known]
        unknown = {r.mini_batch for r in inside if r.mini_batch in todo} - self.reopened
        assert not unknown, f"sealed, but not to be found through {lease.former}: {unknown}"
        pod.open.append(OpenLease(k, lease, lease.stop, todo, known))

    def run_one(self, pod: Pod, open_lease: OpenLease, succeeds: bool, skip: int = 0) -> None:
        """A mini-batch is tried once (processes finish out of order: ``skip``); the last failure is a record too."""
        m = open_lease.todo[skip % len(open_lease.todo)]
        try_number = self.tries[m] + 1
        if not succeeds:
            self.tries[m] += 1
        if succeeds or self.tries[m] >= MAX_TRY:
            open_lease.todo.remove(m)
            open_lease.unsealed[m] = Record(m, succeeds, open_lease.lease.epoch, try_number, pod.name)

    def seal(self, open_lease: OpenLease) -> None:
        self.sealed.extend(open_lease.unsealed.values())
        open_lease.known.update(open_lease.unsealed)
        open_lease.unsealed.clear()

    def complete(self, pod: Pod, open_lease: OpenLease) -> None:
        assert not open_lease.todo
        assert not open_lease.unsealed
        done = range(open_lease.lease.start, open_lease.stop)
        counts = total(open_lease.known, done)
        k, lease = open_lease.shard, open_lease.lease
        self._end(pod, open_lease, done, *allocator.complete(self.shards[k], pod.name, lease.epoch, counts))

    def give_back(self, pod: Pod, open_lease: OpenLease) -> None:
        self.seal(open_lease)
        k, lease = open_lease.shard, open_lease.lease
        mine = range(lease.start, open_lease.stop)
        done = [m for m in mine if m in open_lease.known]
        unfinished = ranges(m for m in mine if m not in open_lease.known)
        counts = total(open_lease.known, done)
        before = self.shards[k]
        after, ok = allocator.give_back(before, pod.name, lease.epoch, unfinished, counts)
        if ok and after.counts == before.counts:
            done = []  # there were too many pieces: it went back whole
        self._end(pod, open_lease, done, after, ok)

    def shrink(self, pod: Pod, open_lease: OpenLease, keep: int) -> None:
        """Return the end of a lease, which must not be started: all from some mini-batch on is still to do."""
        lease = open_lease.lease
        stop = max(
            lease.start + keep, *(m + 1 for m in range(lease.start, open_lease.stop) if m not in open_lease.todo), 0
        )
        if not lease.start < stop < open_lease.stop:
            return
        before = self.shards[open_lease.shard]
        after, ok = allocator.shrink(before, pod.name, lease.epoch, stop)
        self._judge(before, after, ok, pod, lease.epoch)
        open_lease.stop = stop
        open_lease.todo = [m for m in open_lease.todo if m < stop]
        self._put(open_lease.shard, after)

    def _end(self, pod: Pod, open_lease: OpenLease, done: Iterable[int], after: allocator.Shard, ok: bool) -> None:
        before = self.shards[open_lease.shard]
        self._judge(before, after, ok, pod, open_lease.lease.epoch)
        if ok:
            self.ledger |= {m: count(open_lease.known[m]) for m in done}
        pod.open.remove(open_lease)
        self._put(open_lease.shard, after)

    def _judge(self, before: allocator.Shard, after: allocator.Shard, ok: bool, pod: Pod, epoch: int) -> None:
        """A report counts exactly when it is from the lease's holder and of its epoch; a stale one changes nothing."""
        assert ok == any((x.holder, x.epoch) == (pod.name, epoch) for x in before.leases)
        assert ok or after is before

    # --- the header's later phases ---

    def look_for_done(self, pod: Pod, k: int) -> None:
        epoch = self.header.epoch
        if allocator.done(self.shards[k]):
            pod.seen_done = (epoch, k)

    def clear_bit(self, pod: Pod) -> None:
        assert pod.seen_done is not None
        epoch, k = pod.seen_done
        pod.seen_done = None
        self.header = self._stepped(header.shard_completed(self.header, k, epoch))

    def ask_finalizing(self, pod: Pod) -> None:
        before = self.header
        after, grant = header.grant_finalizing(self.header, pod.name)
        self._exclusive(after, grant)
        if grant is not None and grant != pod.grant:
            pod.grant, pod.finding = grant, None
        if before.phase is Phase.RUNNING and after.phase is Phase.FINALIZING and not self.strays:
            assert len(self.ledger) == self.total, "finalizing before everything is completed"

    def find_winners(self, pod: Pod) -> None:
        """Read the shards, then the segments: the table, and what has to be run again."""
        epochs = tuple(shard.epoch for shard in self.shards)
        best = winners(self.sealed)
        valid = winners(r for r in self.sealed if r not in self.corrupt)
        corrupt = {m for m, r in best.items() if r in self.corrupt and not newer(valid.get(m), r)}
        pod.finding = Finding(valid, frozenset(corrupt), epochs)

    def reopen_shards(self, pod: Pod) -> None:
        """The first half of reopening: a finalizer may die or be superseded before the second."""
        assert pod.finding is not None
        for m in sorted(pod.finding.corrupt):
            k = allocator.shard_of(m, self.total, len(self.shards))
            before = self.shards[k]
            after = allocator.reopen(before, m, m + 1, (), self.ledger.get(m, Counts(1)), pod.finding.epochs[k])
            if after is not before:
                del self.ledger[m]
                self.reopened.add(m)
                if self.header.grant != pod.grant:
                    self.strays.add(k)
                self._put(k, after)

    def publish_or_reopen(self, pod: Pod) -> None:
        assert pod.grant is not None
        assert pod.finding is not None
        before = self.header
        current = before.phase is Phase.FINALIZING and before.grant == pod.grant
        bits = sum(1 << k for k, shard in enumerate(self.shards) if not allocator.done(shard))
        if bits:
            after, ok = header.reopen(before, pod.grant, bits)
            self.strays -= {k for k in self.strays if ok}
        elif pod.finding.corrupt:
            return  # they were run again since: this table is out of date
        else:
            after, ok = header.publish_winners(before, pod.grant, "winners")
            if ok:
                assert sorted(pod.finding.table) == list(range(self.total)), "a mini-batch has no winner"
                self.frozen_table = pod.finding.table
        assert ok == current
        assert ok or after is before
        pod.finding = None
        self.header = self._stepped(after)

    def merge_and_finish(self, pod: Pod) -> None:
        """Repeatable by any successor, with the same bytes."""
        assert pod.grant is not None
        assert self.frozen_table is not None
        output = [self.frozen_table[m] for m in range(self.total)]
        assert self.output in (None, output), "the output changed after it was written"
        self.output = output
        after, ok = header.finish(self.header, pod.grant, {"rows": self.total})
        assert ok == (self.header.phase is Phase.COMMITTING and self.header.grant == pod.grant)
        self.header = self._stepped(after)

    def report(self, pod: Pod) -> None:
        assert pod.grant is not None
        self.header = self._stepped(header.finish(self.header, pod.grant, {})[0])

    def abort(self) -> None:
        late = self.header.phase in (Phase.COMMITTING, Phase.DONE, Phase.ABORTED)
        after = header.abort(self.header, header.CANCELLED, "by hand")
        assert (after is self.header) == late
        self.header = self._stepped(after)

    # --- the way home ---

    def work_all(self, pod: Pod) -> None:
        """``pod`` does whatever it can claim, and sees that it is all done."""
        for k in range(len(self.shards)):
            while self.shards[k].unclaimed:
                self._work(pod, k)
            self._work(pod, k)

    def finish_alone(self) -> None:
        """Whatever happened, one pod that nothing happens to gets the job to its end."""
        pod = self.start_pod()
        for _ in range(10 * self.total + 50):
            if self.header.phase is Phase.DONE or self.header.reported:
                return
            for holder in {h for shard in self.shards for h in allocator.holders(shard)} | self._granted():
                if holder != pod.name:
                    self.expire(holder)
            self._advance(pod)
        raise AssertionError(f"never done: {self.header}, {self.shards}")

    def _advance(self, pod: Pod) -> None:
        phase = self.header.phase
        if phase is Phase.PLANNING:
            self.ask_planning(pod)
            self.publish_plan(pod)
        elif phase is Phase.RUNNING and self.header.open_shards:
            self._work(pod, next(k for k in range(len(self.shards)) if self.header.open_shards >> k & 1))
        else:
            self.ask_finalizing(pod)
            if self.header.phase is Phase.FINALIZING:
                self.find_winners(pod)
                self.reopen_shards(pod)
                self.publish_or_reopen(pod)
            elif phase is Phase.COMMITTING:
                self.merge_and_finish(pod)
            elif phase is Phase.ABORTED:
                self.report(pod)

    def _work(self, pod: Pod, k: int) -> None:
        self.claim(pod, k, 3)
        for open_lease in list(pod.open):
            while open_lease.todo:
                self.run_one(pod, open_lease, succeeds=True)
            self.seal(open_lease)
            self.complete(pod, open_lease)
        self.look_for_done(pod, k)
        if pod.seen_done:
            self.clear_bit(pod)

    # --- promises ---

    def check(self) -> None:
        for shard in self.shards:
            allocator.check(shard)
            done = completed_in(shard)
            assert shard.counts == sum((self.ledger[m] for m in done), Counts()), "counts are not of what is completed"
        completed = {m for shard in self.shards for m in completed_in(shard)}
        assert completed == set(self.ledger), "completed by nobody, or lost"
        assert completed <= {r.mini_batch for r in self.sealed}, "completed but not sealed"
        if self.header.phase is Phase.DONE:
            assert self.output is not None
            assert [r.mini_batch for r in self.output] == list(range(self.total))

    def _granted(self) -> set[str]:
        return {self.header.grant.holder} if self.header.grant else set()

    def _exclusive(self, after: Header, grant: Grant | None) -> None:
        assert grant is None or grant == after.grant
        if self.header.grant is not None:
            assert after.grant == self.header.grant, "a grant was given away under its holder"
        elif grant is not None:
            assert grant.epoch > self.header.epoch, "a grant's epoch was given before"
        self.header = self._stepped(after)

    def _stepped(self, after: Header) -> Header:
        before = self.header
        assert after.epoch >= before.epoch, "the header's epoch went back"
        assert Header.from_json(after.to_json()) == after
        if before.phase is Phase.COMMITTING:
            assert after.phase in (Phase.COMMITTING, Phase.DONE)
        if before.phase is Phase.DONE:
            assert after == before
        return after

    def _put(self, k: int, shard: allocator.Shard) -> None:
        assert shard.epoch >= self.shards[k].epoch, "a shard's epoch went back"
        assert shard_from_json(shard_to_json(shard)) == shard
        self.shards[k] = shard
