"""The JSON form of a shard: the same after a journey, and small."""

from __future__ import annotations

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st
from lease_profiles import effort

from parallelrun.leases.allocator import Counts, Lease, Shard, Unclaimed
from parallelrun.leases.shard_json import shard_from_json, shard_to_json

names = st.sampled_from(["a", "b", "c", "pod é", ""])
former = st.lists(names, max_size=4, unique=True).map(tuple)
numbers = st.integers(0, 10**7)
epochs = st.integers(1, 1 << 53)
shards = st.builds(
    Shard,
    numbers,
    numbers,
    epochs,
    st.lists(st.builds(Unclaimed, numbers, numbers, former), max_size=8).map(tuple),
    st.lists(st.builds(Lease, names, epochs, numbers, numbers, former), max_size=8).map(tuple),
    st.builds(Counts, numbers, numbers, numbers, numbers, numbers),
)


@effort(200)
@given(shards)
def test_a_shard_survives_json(shard):
    assert shard_from_json(json.loads(json.dumps(shard_to_json(shard)))) == shard


def test_a_full_shard_of_64_nodes_stays_under_32_kib():
    """256 unclaimed ranges, two leases a node, two replaced pods a node, at the end of 10^7 mini-batches."""
    pods = [[str(uuid.UUID(int=64 * generation + node << 64)) for node in range(64)] for generation in range(3)]
    current = pods[2]
    base = 9_000_000
    unclaimed = tuple(
        Unclaimed(base + 2000 * i, base + 2000 * i + 1234, (pods[0][i % 64], pods[1][(i * 7) % 64])) for i in range(256)
    )
    leases = tuple(
        Lease(
            current[i % 64], (7 << 40) + 100_000 + i, base + 2000 * i + 1500, base + 2000 * i + 1999, (pods[1][i % 64],)
        )
        for i in range(128)
    )
    counts = Counts(9_500_000, 12_345, 23_456, 10**10, 10**7)
    shard = Shard(0, 10**7, (7 << 40) + 123_456, unclaimed, leases, counts)
    assert shard_from_json(shard_to_json(shard)) == shard
    assert len(json.dumps(shard_to_json(shard))) < 32 * 1024


def test_a_range_that_went_through_very_many_pods_stays_small():
    """Chains of former holders share their beginnings: two hundred ranges with a hundred holders each."""
    pods = [str(uuid.UUID(int=n << 64)) for n in range(300)]
    unclaimed = tuple(Unclaimed(10 * i, 10 * i + 5, (*pods[:100], pods[100 + i])) for i in range(200))
    shard = Shard(0, 10_000, 1 << 40, unclaimed)
    assert shard_from_json(shard_to_json(shard)) == shard
    assert len(json.dumps(shard_to_json(shard))) < 32 * 1024
