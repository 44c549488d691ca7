"""A claim whose answer never came is not forgotten, and not claimed beside."""

from __future__ import annotations

from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases import allocator
from parallelrun_agent import events as ev
from parallelrun_agent.lease_work import claimer

SETTINGS = JobSettings("job", "uid", "run.py", [InputSettings("files", "File", ["/in"], "/in")])


def test_a_lease_that_its_holder_never_heard_of_is_what_it_gets_next() -> None:
    shard, lost = allocator.claim(allocator.new(0, 100, 1), "me", 10)
    shard, (lease, left) = claimer("me", SETTINGS, ev.Claim(0, 0.0), set)(shard)
    assert (lease, left) == (lost, 90)
    assert allocator.held(shard, "me") == (lost,)


def test_leases_that_it_knows_are_left_alone() -> None:
    shard, first = allocator.claim(allocator.new(0, 100, 1), "me", 10)
    assert first is not None
    shard, (lease, _) = claimer("me", SETTINGS, ev.Claim(0, 0.0), lambda: {(first.start, first.epoch)})(shard)
    assert lease is not None
    assert lease.start == 10
