"""When a job has failed too often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lease_profiles import effort

from parallelrun.api.settings import Limits
from parallelrun.leases.allocator import Counts
from parallelrun.leases.thresholds import init_failures_violation, violation

TOLERANT = Limits(error_threshold=-1, mini_batch_error_threshold=-1, allowed_failed_percent=100)


def reason(counts: Counts, total: int, limits: Limits) -> str | None:
    found = violation(counts, total, limits)
    return found and found[0]


@effort(50)
@given(st.integers(0, 100), st.integers(0, 10**9))
def test_minus_one_and_a_hundred_percent_tolerate_all(failed, items):
    assert violation(Counts(completed=100, failed=failed, items_failed=items), 100, TOLERANT) is None


@pytest.mark.parametrize(("items_failed", "want"), [(0, None), (5, None), (6, "ErrorThresholdExceeded")])
def test_error_threshold_counts_items_and_is_itself_tolerated(items_failed, want):
    limits = Limits(error_threshold=5)
    assert reason(Counts(completed=1, items_failed=items_failed), 100, limits) == want


@pytest.mark.parametrize(("failed", "want"), [(0, None), (1, "ProgramFailed")])
def test_a_program_that_failed_is_tolerated_by_nothing(failed, want):
    limits = Limits(error_threshold=-1, program=True)
    assert reason(Counts(completed=1, failed=failed, items_failed=failed), 1, limits) == want


def test_by_default_one_failed_item_is_too_many():
    assert reason(Counts(completed=1, items_failed=1), 100, Limits()) == "ErrorThresholdExceeded"


@pytest.mark.parametrize(("failed", "want"), [(2, None), (3, "MiniBatchErrorThresholdExceeded")])
def test_mini_batch_error_threshold_counts_mini_batches(failed, want):
    limits = Limits(error_threshold=-1, mini_batch_error_threshold=2)
    assert reason(Counts(completed=3, failed=failed, items_failed=10**6), 100, limits) == want


@pytest.mark.parametrize(
    ("percent", "failed", "want"),
    [
        (10, 20, None),
        (10, 21, "AllowedFailedPercentExceeded"),
        (0, 1, "AllowedFailedPercentExceeded"),
        (0, 0, None),
        (0.5, 1, None),
        (0.5, 2, "AllowedFailedPercentExceeded"),
    ],
)
def test_allowed_failed_percent_is_of_all_mini_batches(percent, failed, want):
    limits = Limits(error_threshold=-1, allowed_failed_percent=percent)
    assert reason(Counts(completed=50, failed=failed), 200, limits) == want


def test_messages_say_the_number_the_field_and_what_to_do():
    _, message = violation(Counts(completed=1, failed=1, items_failed=1), 100, Limits()) or ("", "")
    assert message == (
        "1 item failed, more than errorThreshold: 0. "
        "Mend the script or the input, or raise spec.errorThreshold (-1 tolerates all)."
    )
    limits = Limits(error_threshold=-1, allowed_failed_percent=2.5)
    _, message = violation(Counts(completed=30, failed=30), 100, limits) or ("", "")
    assert message.startswith("30 mini-batches of 100 failed, more than allowedFailedPercent: 2.5.")


def test_items_that_failed_without_a_failed_mini_batch_are_short_returns_and_said_to_be():
    _, message = violation(Counts(completed=1, items_failed=1), 100, Limits()) or ("", "")
    assert "run() returned fewer elements than it was given items" in message
    assert "processed_mini-batches.csv" in message


def test_an_empty_job_violates_nothing():
    assert violation(Counts(), 0, Limits(0, 0, 0)) is None


def test_init_may_fail_less_than_three_times_a_process_on_a_node():
    assert init_failures_violation({0: 5, 1: 5, 2: 5}, processes=2, nodes=3, seconds_since_first=119) is None


def test_init_that_fails_three_times_a_process_on_one_node_ends_the_job():
    found = init_failures_violation({0: 0, 7: 6}, processes=2, nodes=100, seconds_since_first=0)
    assert found == ("InitFailed", "init() failed 6 times on node 7")


@pytest.mark.parametrize(("seconds", "ends"), [(119.9, False), (120, True)])
def test_after_two_minutes_failures_are_added_over_all_nodes(seconds, ends):
    found = init_failures_violation({0: 4, 1: 4}, processes=2, nodes=2, seconds_since_first=seconds)
    assert (found == ("InitFailed", "init() failed 8 times on 2 nodes")) is ends
    assert init_failures_violation({0: 4, 1: 3}, processes=2, nodes=2, seconds_since_first=seconds) is None
