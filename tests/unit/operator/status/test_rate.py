"""How long a job will still take."""

from __future__ import annotations

import pytest

from parallelrun_operator.job.status.rate import Samples, readable, sampled, time_left


def watched(*looks: tuple[float, int]) -> Samples:
    samples: Samples = ()
    for now, completed in looks:
        samples = sampled(samples, now, completed)
    return samples


def test_the_rate_is_that_of_the_last_minute() -> None:
    """100 in the first 100 s, then 10 a second."""
    looks = [(float(t), t) for t in range(0, 101, 5)] + [(float(t), 100 + (t - 100) * 10) for t in range(105, 201, 5)]
    assert time_left(watched(*looks), 200.0, 1100, 1100 + 6000) == "10m"


def test_slow_mini_batches_still_give_a_rate() -> None:
    looks = [(0.0, 0), (200.0, 1), (400.0, 2), (600.0, 3)]
    assert time_left(watched(*looks), 600.0, 3, 21) == "1h"


def test_time_without_a_finished_mini_batch_makes_the_estimate_longer() -> None:
    samples = watched((0.0, 0), (10.0, 10))
    assert time_left(samples, 10.0, 10, 70) == "1m"
    assert time_left(samples, 20.0, 10, 70) == "2m"


UNKNOWN: dict[str, tuple[Samples, float, int, int]] = {
    "it just began": (watched((0.0, 0), (2.0, 5)), 2.0, 5, 100),
    "nothing was finished yet": (watched((0.0, 0)), 60.0, 0, 100),
    "all is finished": (watched((0.0, 0), (50.0, 100)), 50.0, 100, 100),
    "nothing was seen": ((), 60.0, 10, 100),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_nothing_is_said_where(why: str) -> None:
    assert time_left(*UNKNOWN[why]) == ""


def test_a_count_that_fell_begins_anew() -> None:
    assert watched((0.0, 50), (10.0, 20)) == ((10.0, 20),)


def test_few_samples_are_kept() -> None:
    assert len(watched(*((float(t), t) for t in range(1000)))) <= 32


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1s"),
        (45, "45s"),
        (59.9, "60s"),
        (240, "4m"),
        (3600, "1h"),
        (11400, "3h10m"),
        (187200, "2d4h"),
        (172800, "2d"),
    ],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert readable(seconds) == text
