"""The allocator, transition by transition; whole schedules are in test_lease_job.py."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lease_profiles import effort

from parallelrun.leases import allocator
from parallelrun.leases.allocator import MAX_RANGES, MAX_UNCLAIMED, Counts, Lease, Shard, Unclaimed


def completed(n: int, failed: int = 0) -> Counts:
    return Counts(completed=n, failed=failed, items_succeeded=10 * (n - failed), items_failed=10 * failed)


def claim(shard: Shard, holder: str, want: int) -> tuple[Shard, Lease]:
    shard, lease = allocator.claim(shard, holder, want)
    assert lease is not None
    allocator.check(shard)
    return shard, lease


def spans(shard: Shard) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(x.start, x.stop, x.former) for x in shard.unclaimed]


@effort(100)
@given(st.integers(0, 10_000), st.integers(1, 200))
def test_a_job_is_split_evenly_in_order_and_each_mini_batch_knows_its_shard(total, shards):
    parts = allocator.split(total, shards)
    assert len(parts) == shards
    assert [i for a, b in parts for i in range(a, b)] == list(range(total))
    sizes = [b - a for a, b in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all(allocator.shard_of(i, total, shards) == k for k, (a, b) in enumerate(parts) for i in range(a, b))


@pytest.mark.parametrize(("nodes", "shards"), [(0, 1), (1, 1), (64, 1), (65, 2), (1000, 16)])
def test_a_shard_is_for_64_nodes(nodes, shards):
    assert allocator.shards_for(nodes) == shards


def test_a_claim_is_the_beginning_of_the_first_unclaimed_range():
    shard, lease = claim(allocator.new(0, 10, 1), "a", 4)
    assert lease == Lease("a", (1 << 40) + 1, 0, 4)
    shard, lease = claim(shard, "b", 100)
    assert lease == Lease("b", (1 << 40) + 2, 4, 10)
    assert allocator.claim(shard, "c", 1) == (shard, None)


def test_an_empty_shard_is_done():
    shard = allocator.new(5, 5, 1)
    assert allocator.done(shard)
    assert allocator.claim(shard, "a", 1)[1] is None


def test_a_completed_range_is_counted_once():
    shard, lease = claim(allocator.new(0, 4, 1), "a", 4)
    shard, ok = allocator.complete(shard, "a", lease.epoch, completed(4, failed=1))
    assert ok
    assert allocator.done(shard)
    assert shard.counts == completed(4, failed=1)
    assert allocator.complete(shard, "a", lease.epoch, completed(4)) == (shard, False)


@pytest.mark.parametrize("stale", [("b", 0), ("a", 1), ("a", -1)])
def test_another_holder_or_epoch_changes_nothing(stale):
    shard, lease = claim(allocator.new(0, 4, 1), "a", 4)
    holder, epoch = stale[0], lease.epoch + stale[1]
    for after, ok in (
        allocator.complete(shard, holder, epoch, completed(4)),
        allocator.give_back(shard, holder, epoch, [(0, 4)], Counts()),
        allocator.shrink(shard, holder, epoch, 2),
    ):
        assert not ok
        assert after is shard


def test_a_thawed_holder_that_claims_the_same_range_again_cannot_use_its_old_lease():
    shard, old = claim(allocator.new(0, 4, 1), "a", 4)
    shard, new = claim(allocator.expire(shard, "a"), "a", 4)
    assert new.epoch > old.epoch
    assert allocator.complete(shard, "a", old.epoch, completed(4)) == (shard, False)


def test_what_is_given_back_names_every_holder_before():
    shard, lease = claim(allocator.new(0, 9, 1), "a", 9)
    shard, _ = allocator.give_back(shard, "a", lease.epoch, [(2, 4), (7, 9)], completed(5))
    assert spans(shard) == [(2, 4, ("a",)), (7, 9, ("a",))]
    shard, lease = claim(shard, "b", 9)
    shard = allocator.expire(shard, "b")
    assert spans(shard) == [(2, 4, ("a", "b")), (7, 9, ("a",))]
    shard, lease = claim(shard, "a", 1)
    assert spans(allocator.expire(shard, "a"))[0] == (2, 4, ("a", "b")), "named once, and merged with its neighbour"
    assert shard.counts == completed(5)


def test_neighbours_with_the_same_former_holders_become_one_range_and_others_do_not():
    shard = allocator.new(0, 12, 1)
    for holder in ("a", "a", "b"):
        shard, _ = claim(shard, holder, 3)
    shard = allocator.expire(allocator.expire(shard, "a"), "b")
    assert spans(shard) == [(0, 6, ("a",)), (6, 9, ("b",)), (9, 12, ())]


def test_two_leases_of_one_holder_expire_each_with_its_own_former_holders():
    shard = allocator.new(0, 6, 1)
    shard, _ = claim(shard, "a", 3)
    shard = allocator.expire(shard, "a")
    shard, _ = claim(shard, "b", 3)
    shard, _ = claim(shard, "b", 3)
    assert spans(allocator.expire(shard, "b")) == [(0, 3, ("a", "b")), (3, 6, ("b",))]


def test_expiring_one_who_holds_nothing_changes_nothing():
    shard, _ = claim(allocator.new(0, 6, 1), "a", 3)
    assert allocator.expire(shard, "b") is shard


def test_a_shrunk_lease_keeps_its_beginning_and_its_epoch():
    shard, lease = claim(allocator.expire(claim(allocator.new(0, 8, 1), "a", 8)[0], "a"), "b", 8)
    shard, ok = allocator.shrink(shard, "b", lease.epoch, 3)
    assert ok
    allocator.check(shard)
    assert spans(shard) == [(3, 8, ("a",))], "b started nothing of it"
    shard, ok = allocator.complete(shard, "b", lease.epoch, completed(3))
    assert ok
    assert allocator.completed(shard) == 3


@pytest.mark.parametrize("stop", [0, 8, 9])
def test_a_lease_cannot_be_shrunk_to_nothing_or_to_itself(stop):
    shard, lease = claim(allocator.new(0, 8, 1), "a", 8)
    with pytest.raises(ValueError, match="cannot be cut"):
        allocator.shrink(shard, "a", lease.epoch, stop)


@pytest.mark.parametrize("unfinished", [[(0, 3), (2, 4)], [(4, 6), (0, 2)], [(6, 9)], [(3, 1)]])
def test_unfinished_ranges_that_are_not_within_the_lease_in_order_are_a_defect(unfinished):
    shard, lease = claim(allocator.new(0, 16, 1), "a", 8)
    with pytest.raises(ValueError, match="out of order, overlaps or lies outside"):
        allocator.give_back(shard, "a", lease.epoch, unfinished, completed(4))


def test_counts_that_are_not_of_every_finished_mini_batch_are_a_defect():
    shard, lease = claim(allocator.new(0, 8, 1), "a", 8)
    with pytest.raises(ValueError, match="counts of the finished part of mini-batches 0 to 7 are of 7"):
        allocator.complete(shard, "a", lease.epoch, completed(7))
    with pytest.raises(ValueError, match="are of 8 mini-batches, not of 6"):
        allocator.give_back(shard, "a", lease.epoch, [(1, 3)], completed(8))


def test_a_lease_whose_grant_was_not_heard_of_is_found_again():
    shard, lease = claim(allocator.new(0, 8, 1), "a", 4)
    shard, _ = claim(shard, "b", 4)
    assert allocator.held(shard, "a") == (lease,)
    assert allocator.holders(shard) == {"a", "b"}


class TestReopen:
    def done(self) -> Shard:
        shard, lease = claim(allocator.new(0, 8, 1), "a", 8)
        return allocator.complete(shard, "a", lease.epoch, completed(8, failed=2))[0]

    def test_a_corrupt_record_is_run_again_and_counted_again(self):
        shard = allocator.reopen(self.done(), 3, 4, (), completed(1))
        allocator.check(shard)
        assert spans(shard) == [(3, 4, ())]
        shard, lease = claim(shard, "b", 8)
        shard, _ = allocator.complete(shard, "b", lease.epoch, completed(1))
        assert shard.counts == completed(8, failed=2)

    def test_a_second_finalizer_reopens_nothing_twice(self):
        shard = allocator.reopen(self.done(), 3, 5, (), completed(2))
        assert allocator.reopen(shard, 4, 5, (), completed(1)) is shard

    def test_a_superseded_finalizer_does_not_reopen_what_was_run_again(self):
        done = self.done()
        shard, lease = claim(allocator.reopen(done, 3, 4, (), completed(1), done.epoch), "b", 8)
        shard, _ = allocator.complete(shard, "b", lease.epoch, completed(1))
        assert allocator.reopen(shard, 3, 4, (), completed(1), done.epoch) is shard
        assert allocator.reopen(shard, 3, 4, (), completed(1), shard.epoch) is not shard

    def test_several_of_one_finalizer_pass_with_the_epoch_that_it_read(self):
        done = self.done()
        shard = allocator.reopen(done, 3, 4, (), completed(1), done.epoch)
        shard = allocator.reopen(shard, 6, 7, (), completed(1), done.epoch)
        assert spans(shard) == [(3, 4, ()), (6, 7, ())]

    def test_counts_never_fall_below_zero(self):
        """The table may hold a success that was sealed after a failure was counted."""
        shard, lease = claim(allocator.new(0, 1, 1), "a", 1)
        shard, _ = allocator.complete(shard, "a", lease.epoch, completed(1, failed=1))
        shard = allocator.reopen(shard, 0, 1, (), completed(1))
        allocator.check(shard)

    def test_counts_of_other_than_what_is_reopened_are_a_defect(self):
        with pytest.raises(ValueError, match="mini-batches 3 to 4 are of 1"):
            allocator.reopen(self.done(), 3, 5, (), completed(1))

    def test_outside_of_the_shard_nothing_is_reopened(self):
        shard = self.done()
        assert allocator.reopen(shard, 7, 9, (), completed(2)) is shard


class TestResumed:
    def counts(self, asked: list[tuple[int, int]] | None = None):
        def of(start: int, stop: int) -> Counts:
            if asked is not None:
                asked.append((start, stop))
            return completed(stop - start)

        return of

    def test_what_is_sealed_stays_completed_and_the_rest_is_unclaimed(self):
        shard = allocator.resumed(10, 20, 3, [(10, 12), (15, 16)], ["a"], self.counts())
        allocator.check(shard)
        assert shard.epoch == 3 << 40
        assert spans(shard) == [(10, 12, ()), (15, 16, ())]
        assert shard.counts == completed(7)

    def test_all_sealed_is_done_and_nothing_sealed_is_new(self):
        assert allocator.done(allocator.resumed(10, 20, 2, [], ["a"], self.counts()))
        assert allocator.resumed(10, 20, 2, [(10, 20)], ["a"], self.counts()) == allocator.new(10, 20, 2)

    def test_neighbouring_ranges_are_one_and_hold_no_finished_work(self):
        shard = allocator.resumed(0, 9, 2, [(0, 3), (3, 6)], ["a"], self.counts())
        assert spans(shard) == [(0, 6, ())]

    @effort(100)
    @given(todo=st.sets(st.integers(0, 2500), max_size=1200))
    def test_too_many_ranges_are_closed_over_the_smallest_gaps_and_nothing_is_counted_twice(self, todo):
        asked: list[tuple[int, int]] = []
        shard = allocator.resumed(0, 2501, 2, [(m, m + 1) for m in sorted(todo)], ["a", "b"], self.counts(asked))
        self.verify(shard, todo, asked)

    def test_a_scattered_rest_is_closed_over_its_smallest_gaps(self):
        todo = set(range(0, 2500, 2)) | set(range(5000, 20000, 100))
        asked: list[tuple[int, int]] = []
        shard = allocator.resumed(0, 20000, 2, [(m, m + 1) for m in sorted(todo)], ["a"], self.counts(asked))
        self.verify(shard, todo, asked)
        assert len(shard.unclaimed) == MAX_UNCLAIMED
        assert sum(x.stop == x.start + 1 for x in shard.unclaimed) >= 150, "the wide gaps stay"

    def verify(self, shard: Shard, todo: set[int], asked: list[tuple[int, int]]) -> None:
        allocator.check(shard)
        assert len(shard.unclaimed) <= MAX_UNCLAIMED
        inside = {m for x in shard.unclaimed for m in range(x.start, x.stop)}
        assert todo <= inside, "lost"
        counted = [m for a, b in asked for m in range(a, b)]
        assert sorted([*inside, *counted]) == list(range(shard.start, shard.stop)), "counted twice, or not at all"
        for x in shard.unclaimed:
            finished = not set(range(x.start, x.stop)) <= todo
            assert bool(x.former) is finished, "a range names former holders exactly where it holds their work"

    def test_a_range_that_is_closed_over_finished_work_is_completed_with_it(self):
        """The claimant counts what it finds: each mini-batch ends up counted once."""
        todo = [(m, m + 1) for m in range(0, 1000, 2)]
        shard = allocator.resumed(0, 1000, 2, todo, ["a"], self.counts())
        while not allocator.done(shard):
            shard, lease = claim(shard, "b", 10)
            shard, ok = allocator.complete(shard, "b", lease.epoch, completed(lease.stop - lease.start))
            assert ok
        assert shard.counts == completed(1000)

    def test_counts_that_miss_a_finished_mini_batch_are_a_defect(self):
        with pytest.raises(ValueError, match="mini-batches 2 to 9 are of 7"):
            allocator.resumed(0, 10, 2, [(0, 2)], [], lambda a, b: completed(b - a - 1))

    def test_ranges_outside_of_the_shard_are_a_defect(self):
        with pytest.raises(ValueError, match="outside of"):
            allocator.resumed(0, 10, 2, [(8, 11)], [], self.counts())


class TestLimits:
    """What happens when a shard is in very many pieces."""

    def crowded(self, size: int) -> Shard:
        """MAX_RANGES unclaimed ranges of ``size`` mini-batches, the last one shorter."""
        ranges = tuple(Unclaimed(i * 100, i * 100 + size, ("x",)) for i in range(MAX_RANGES - 1))
        last = Unclaimed(MAX_RANGES * 100, MAX_RANGES * 100 + size - 1, ("x",))
        done = MAX_RANGES * 100 + 100 - size * MAX_RANGES + 1
        return Shard(0, MAX_RANGES * 100 + 100, 1 << 40, (*ranges, last), (), completed(done))

    def test_a_claim_then_takes_the_smallest_range_whole(self):
        _, lease = claim(self.crowded(10), "a", 3)
        assert (lease.start, lease.stop) == (MAX_RANGES * 100, MAX_RANGES * 100 + 9)

    def test_a_claim_waits_where_the_pieces_are_leased_and_a_large_one_is_left(self):
        shard = allocator.new(0, 10_000, 1)
        for n in range(MAX_RANGES - 1):
            shard, _ = claim(shard, f"holder-{n}", 1)
        assert allocator.claim(shard, "late", 10) == (shard, None)
        shard, ok = allocator.complete(shard, "holder-0", shard.leases[0].epoch, completed(1))
        assert ok
        assert claim(shard, "late", 10)[1].stop == MAX_RANGES + 9

    def test_a_lease_in_too_many_pieces_goes_back_whole_and_uncounted(self):
        shard, lease = claim(self.crowded(10), "a", 100)
        before = shard.counts
        shard, ok = allocator.give_back(
            shard, "a", lease.epoch, [(lease.start, lease.start + 1), (lease.start + 4, lease.start + 5)], completed(7)
        )
        assert ok
        allocator.check(shard)
        assert shard.counts == before
        assert spans(shard)[-1] == (lease.start, lease.stop, ("x", "a"))

    def test_a_lease_of_a_shard_that_was_shrunk_beyond_the_limit_is_completed_all_the_same(self, monkeypatch):
        shard, lease = claim(allocator.new(0, 8, 1), "a", 8)
        monkeypatch.setattr(allocator, "MAX_RANGES", 1)
        shard, ok = allocator.shrink(shard, "a", lease.epoch, 4)
        assert ok
        while not allocator.done(shard):
            left = allocator.remaining(shard)
            lease = shard.leases[0] if shard.leases else None
            if lease is None:
                shard, lease = claim(shard, "b", 4)
            shard, ok = allocator.complete(shard, lease.holder, lease.epoch, completed(lease.stop - lease.start))
            assert ok
            assert allocator.remaining(shard) < left

    def test_what_does_not_fit_is_reopened_next_time(self):
        shard = self.crowded(10)
        assert allocator.reopen(shard, 50, 51, (), completed(1)) is shard

    def test_random_churn_stays_within_the_limit(self, monkeypatch):
        monkeypatch.setattr(allocator, "MAX_RANGES", 100)
        monkeypatch.setattr(allocator, "MAX_UNCLAIMED", 60)
        chance = random.Random(7)
        shard = allocator.new(0, 100_000, 1)
        most = 0
        for n in range(2000):
            if chance.random() < 0.6:
                shard, _ = allocator.claim(shard, f"holder-{n}", chance.randrange(1, 60))
            elif shard.leases:
                lease = chance.choice(shard.leases)
                size = lease.stop - lease.start
                todo = [(m, m + 1) for m in range(lease.start, lease.stop, 2)] if size > 3 else []
                counts = completed(size - len(todo))
                shard, ok = allocator.give_back(shard, lease.holder, lease.epoch, todo, counts)
                assert ok
            most = max(most, len(shard.unclaimed) + len(shard.leases))
        allocator.check(shard)
        assert most == 100
