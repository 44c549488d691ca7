"""How many mini-batches a node claims."""

from hypothesis import given
from hypothesis import strategies as st
from lease_profiles import effort

from parallelrun.leases.claim_size import WORTH_SECONDS, claim_size

counts = st.integers(0, 10**7)


def test_the_first_claim_is_one_mini_batch_a_process():
    assert claim_size(last=0, processes=8, unclaimed=10_000, nodes=4, rate=0) == 8


def test_a_later_claim_at_most_doubles():
    assert claim_size(last=8, processes=8, unclaimed=10_000, nodes=4, rate=10) == 16


def test_a_later_claim_is_worth_asking_for():
    assert claim_size(last=8, processes=8, unclaimed=10_000, nodes=4, rate=1000) == 250
    assert claim_size(last=8, processes=8, unclaimed=10_000, nodes=4, rate=1000, worth_seconds=1.0) == 1000


def test_a_claim_leaves_half_of_what_is_left_to_the_others():
    assert claim_size(last=1000, processes=2, unclaimed=80, nodes=4, rate=10) == 10


def test_what_takes_little_time_is_not_shared():
    assert claim_size(last=1000, processes=2, unclaimed=1000, nodes=4, rate=2000) == 500
    assert claim_size(last=1000, processes=2, unclaimed=80, nodes=4, rate=1000) == 80


def test_a_node_that_is_alone_takes_what_is_left():
    assert claim_size(last=1000, processes=2, unclaimed=80, nodes=1, rate=1000) == 80


def test_a_claim_is_about_a_minute_of_work():
    assert claim_size(last=1000, processes=2, unclaimed=10**6, nodes=2, rate=1.5) == 90


def test_slow_mini_batches_still_give_each_process_one():
    assert claim_size(last=8, processes=8, unclaimed=10**6, nodes=2, rate=0.001) == 8


def test_without_a_rate_claims_only_double():
    assert claim_size(last=64, processes=8, unclaimed=10**6, nodes=2, rate=0) == 128


@effort(100)
@given(counts, st.integers(1, 64), counts, st.integers(1, 1000), st.floats(0, 1e6))
def test_a_claim_is_positive_and_within_every_bound(last, processes, unclaimed, nodes, rate):
    size = claim_size(last, processes, unclaimed, nodes, rate)
    assert 1 <= size <= max(processes, 2 * last, rate * WORTH_SECONDS + 1 if last else 0)
    assert size <= max(1, unclaimed)
    if rate:
        assert size <= max(processes, 60 * rate + 1)


@effort(50)
@given(st.integers(1, 10**7), st.integers(1, 8), st.integers(1, 1000))
def test_a_node_needs_few_claims_whatever_the_number_of_mini_batches(total, processes, nodes):
    """Equal nodes that take turns: claims of each grow with the logarithm of what there is."""
    last = claims = 0
    left = total
    while left > nodes:
        last = claim_size(last, processes, left, nodes, rate=1e9)
        claims += 1
        left -= min(left, last * nodes)
    assert claims <= 2 * total.bit_length() + 2
