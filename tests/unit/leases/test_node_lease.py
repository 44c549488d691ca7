"""Who acts for a node."""

from parallelrun.leases import node
from parallelrun.leases.node import NodeLease


def test_a_newer_holder_shuts_the_older_one_out():
    lease = node.take(node.take(None, "old"), "new")
    assert node.renew(lease, "old", {}) == (lease, False)
    assert node.renew(lease, "new", {"done": 3}) == (NodeLease("new", 3, {"done": 3}), True)


def test_every_heartbeat_changes_the_lease():
    lease = node.take(None, "a")
    beats = [lease.beat]
    for _ in range(3):
        lease, ok = node.renew(lease, "a", {})
        assert ok
        beats.append(lease.beat)
    assert beats == sorted(set(beats))


def test_an_expired_holder_is_out_until_somebody_takes_the_node():
    lease = node.expire(node.take(None, "a"), "a")
    assert lease.holder == ""
    assert node.renew(lease, "a", {}) == (lease, False)
    assert node.take(lease, "b").holder == "b"
    assert node.take(lease, "b").beat > lease.beat


def test_expiring_one_who_is_not_the_holder_changes_nothing():
    lease = node.take(None, "new")
    assert node.expire(lease, "old") is lease
    nobody = node.expire(lease, "new")
    assert node.expire(nobody, "") is nobody


def test_a_node_lease_survives_json():
    lease = NodeLease("a", 7, {"completed": 5, "open": [1, 2]})
    assert NodeLease.from_json(lease.to_json()) == lease
