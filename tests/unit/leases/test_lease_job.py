"""Whole jobs go through crashes, expiries, freezes, late reports, corruption, supersession and resume."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lease_job import Job, OpenLease, Pod
from lease_profiles import effort

from parallelrun.leases import allocator
from parallelrun.leases.header import Phase

outcomes = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=8)


class LeaseJobMachine(RuleBasedStateMachine):
    """Any pod does anything it has ever been entitled to, at any later moment."""

    @initialize(total=st.integers(1, 24), shards=st.integers(1, 3), pods=st.integers(1, 3))
    def start(self, total: int, shards: int, pods: int) -> None:
        self.job = Job(total, shards)
        for _ in range(pods):
            self.job.start_pod()
        planner = self.job.pods[0]
        self.job.ask_planning(planner)
        self.job.publish_plan(planner)

    def pods(self, data: st.DataObject, able=lambda pod: True) -> Pod:
        return data.draw(st.sampled_from([p for p in self.job.pods if able(p)]))

    def lease(self, data: st.DataObject, able=lambda lease: True) -> tuple[Pod, OpenLease]:
        return data.draw(st.sampled_from([(p, x) for p in self.job.pods for x in p.open if able(x)]))

    def any_pod(self, able=lambda pod: True) -> bool:
        return any(able(p) for p in self.job.pods)

    def any_lease(self, able=lambda lease: True) -> bool:
        return any(able(x) for p in self.job.pods for x in p.open)

    # pods and faults

    @precondition(lambda self: len(self.job.pods) < 4)
    @rule()
    def pod_starts(self) -> None:
        self.job.start_pod()

    @rule(data=st.data())
    def holder_expires(self, data: st.DataObject) -> None:
        """Dead or alive: a live one goes on as if nothing had happened, as a frozen node does."""
        held = {h for s in self.job.shards for h in allocator.holders(s)}
        granted = {self.job.header.grant.holder} if self.job.header.grant else set()
        self.job.expire(data.draw(st.sampled_from(sorted(held | granted) or ["nobody"])))

    @precondition(lambda self: self.job.sealed and self.job.frozen_table is None)
    @rule(data=st.data())
    def record_rots(self, data: st.DataObject) -> None:
        self.job.spoil(data.draw(st.sampled_from(self.job.sealed)))

    @rule(
        data=st.data(), kind=st.sampled_from(["crash", "crash", "resume", "resume", "cancel"]), luck=st.integers(0, 3)
    )
    def disaster(self, data: st.DataObject, kind: str, luck: int) -> None:
        """Rarer than the rest, since little is left to break afterwards."""
        if kind == "crash":
            self.job.crash(self.pods(data))
        elif luck == 1 and kind == "resume":
            self.job.resume()
        elif luck == 1 and kind == "cancel":
            self.job.abort()
        if not self.job.pods:
            self.job.start_pod()

    # planning, after a resume

    @precondition(lambda self: self.any_pod() and self.job.header.phase is Phase.PLANNING)
    @rule(data=st.data())
    def pod_asks_for_planning(self, data: st.DataObject) -> None:
        self.job.ask_planning(self.pods(data))

    @precondition(lambda self: self.any_pod(lambda p: p.planning) and self.job.header.generation > 1)
    @rule(data=st.data())
    def pod_publishes_the_plan(self, data: st.DataObject) -> None:
        self.job.publish_plan(self.pods(data, lambda p: p.planning))

    # ranges

    @precondition(lambda self: self.job.header.phase is Phase.RUNNING)
    @rule(data=st.data(), want=st.integers(1, 8))
    def pod_claims(self, data: st.DataObject, want: int) -> None:
        self.job.claim(self.pods(data), data.draw(st.integers(0, len(self.job.shards) - 1)), want)

    @precondition(lambda self: self.any_lease(lambda x: x.todo))
    @rule(data=st.data(), outcomes=outcomes, seals=st.booleans())
    def pod_runs(self, data: st.DataObject, outcomes: list[tuple[bool, int]], seals: bool) -> None:
        pod, lease = self.lease(data, lambda x: x.todo)
        for succeeds, skip in outcomes:
            if lease.todo:
                self.job.run_one(pod, lease, succeeds, skip)
        if seals:
            self.job.seal(lease)

    @precondition(lambda self: self.any_lease(lambda x: x.unsealed))
    @rule(data=st.data())
    def pod_seals(self, data: st.DataObject) -> None:
        self.job.seal(self.lease(data, lambda x: x.unsealed)[1])

    @precondition(lambda self: self.any_lease(lambda x: not x.todo and not x.unsealed))
    @rule(data=st.data())
    def pod_completes(self, data: st.DataObject) -> None:
        self.job.complete(*self.lease(data, lambda x: not x.todo and not x.unsealed))

    @precondition(lambda self: self.any_lease())
    @rule(data=st.data())
    def pod_gives_back(self, data: st.DataObject) -> None:
        self.job.give_back(*self.lease(data))

    @precondition(lambda self: self.any_lease())
    @rule(data=st.data(), keep=st.integers(1, 6))
    def pod_shrinks(self, data: st.DataObject, keep: int) -> None:
        self.job.shrink(*self.lease(data), keep)

    @precondition(lambda self: self.job.header.phase is Phase.RUNNING)
    @rule(data=st.data())
    def pod_does_all_there_is(self, data: st.DataObject) -> None:
        self.job.work_all(self.pods(data))

    # the header

    @precondition(lambda self: self.any_pod())
    @rule(data=st.data())
    def pod_sees_done_shard(self, data: st.DataObject) -> None:
        self.job.look_for_done(self.pods(data), data.draw(st.integers(0, len(self.job.shards) - 1)))

    @precondition(lambda self: self.any_pod(lambda p: p.seen_done))
    @rule(data=st.data())
    def pod_clears_bit(self, data: st.DataObject) -> None:
        self.job.clear_bit(self.pods(data, lambda p: p.seen_done))

    @precondition(lambda self: self.any_pod())
    @rule(data=st.data())
    def pod_asks_for_finalizing(self, data: st.DataObject) -> None:
        self.job.ask_finalizing(self.pods(data))

    @precondition(lambda self: self.any_pod(lambda p: p.grant))
    @rule(data=st.data(), reopens=st.booleans())
    def finalizer_finds_winners(self, data: st.DataObject, reopens: bool) -> None:
        pod = self.pods(data, lambda p: p.grant)
        self.job.find_winners(pod)
        if reopens:
            self.job.reopen_shards(pod)

    @precondition(lambda self: self.any_pod(lambda p: p.finding and p.finding.corrupt))
    @rule(data=st.data())
    def finalizer_reopens_shards(self, data: st.DataObject) -> None:
        self.job.reopen_shards(self.pods(data, lambda p: p.finding and p.finding.corrupt))

    @precondition(lambda self: self.any_pod(lambda p: p.finding))
    @rule(data=st.data())
    def finalizer_publishes(self, data: st.DataObject) -> None:
        self.job.publish_or_reopen(self.pods(data, lambda p: p.finding))

    @precondition(lambda self: self.job.frozen_table is not None and self.any_pod(lambda p: p.grant))
    @rule(data=st.data())
    def finalizer_merges(self, data: st.DataObject) -> None:
        self.job.merge_and_finish(self.pods(data, lambda p: p.grant))

    @invariant()
    def every_promise_holds(self) -> None:
        if hasattr(self, "job"):
            self.job.check()

    def teardown(self) -> None:
        if hasattr(self, "job"):
            self.job.finish_alone()
            self.job.check()


class CrampedMachine(LeaseJobMachine):
    """The same where a shard may have four ranges and is built with two: what happens at the limits."""

    def __init__(self) -> None:
        self._limits = patch.multiple(allocator, MAX_RANGES=4, MAX_UNCLAIMED=2)
        self._limits.start()
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._limits.stop()


TestLeaseJob = LeaseJobMachine.TestCase
TestLeaseJob.settings = effort(60, 60)
TestCrampedLeaseJob = CrampedMachine.TestCase
TestCrampedLeaseJob.settings = effort(40, 60)
