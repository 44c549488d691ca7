"""A job's counts are summed up from shards and heartbeats, each mini-batch once."""

from __future__ import annotations

from parallelrun.leases import allocator
from parallelrun.leases import node as nodes
from parallelrun.leases.allocator import Counts, Lease, Shard
from parallelrun.leases.node import NodeLease
from parallelrun.leases.tally import tally

FINISHED = Counts(completed=4, failed=1, retried=1, items_succeeded=30, items_failed=10)


def claimed() -> tuple[Shard, Lease]:
    shard, lease = allocator.claim(allocator.new(0, 10, 1), "a", 4)
    assert lease is not None
    return shard, lease


def heartbeat(lease: Lease, counts: Counts, **progress: object) -> NodeLease:
    return NodeLease(lease.holder, 1, {"leases": [[lease.start, lease.epoch, *counts.as_tuple()]], **progress})


def test_what_is_open_is_counted_by_its_heartbeat() -> None:
    shard, lease = claimed()
    so_far = Counts(completed=2, items_succeeded=20)
    assert tally([shard, None], {0: heartbeat(lease, so_far), 1: None}).counts == so_far


def test_a_lease_that_ended_since_the_heartbeat_counts_once() -> None:
    shard, lease = claimed()
    after, done = allocator.complete(shard, "a", lease.epoch, FINISHED)
    assert done
    assert tally([after], {0: heartbeat(lease, FINISHED)}).counts == FINISHED


def test_a_holder_that_was_shut_out_counts_no_more() -> None:
    shard, lease = claimed()
    after = allocator.expire(shard, "a")
    assert tally([after], {0: nodes.expire(heartbeat(lease, FINISHED), "a")}).counts == Counts()


def test_failures_of_init_are_known_by_node_and_the_first_error_is_the_lowest_node_s() -> None:
    _, lease = claimed()
    beats = {
        2: heartbeat(lease, Counts(), init_failures=2, first_error="late"),
        1: heartbeat(lease, Counts(), init_failures=1, first_error="early"),
        0: None,
    }
    found = tally([], beats)
    assert found.init_failures == {0: 0, 1: 1, 2: 2}
    assert found.first_error == "early"


def test_only_who_holds_a_node_waits_for_room() -> None:
    _, lease = claimed()
    stalled = heartbeat(lease, Counts(), stalled="no space left: /data")
    assert tally([], {0: stalled}).stalled == "no space left: /data"
    assert tally([], {0: nodes.expire(stalled, "a")}).stalled == ""
