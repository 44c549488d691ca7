"""Whether a store is away or one of its objects is broken, decided from what came and what did not."""

from __future__ import annotations

import pytest

from parallelrun_agent.store_health import SOON_SECONDS, WHILE_FAILING_SECONDS, StoreHealth

#: How long a fetch is tried.
TRIED = 300.0
ERROR = OSError("503")


def failed(health: StoreHealth[str], name: str, began: float, now: float) -> bool:
    return health.unreachable(name, ERROR, f"{name}: 503", began, now, now + 3.0)


@pytest.mark.parametrize(
    ("answers", "is_to_blame"),
    [
        ([], False),
        ([90.0], False),  # before it was fetched
        ([100.5], False),  # of what was on its way when the store went away
        ([400.0 - WHILE_FAILING_SECONDS - 1], False),
        ([400.0 - WHILE_FAILING_SECONDS + 1], True),
        ([100.5, 399.0], True),
    ],
)
def test_a_file_is_to_blame_if_others_came_while_it_was_tried(answers: list[float], is_to_blame: bool) -> None:
    health = StoreHealth[str]()
    for at in answers:
        health.answered(at)
    assert failed(health, "a", 100.0, 100.0 + TRIED) is is_to_blame
    assert bool(health.trouble) is not is_to_blame


@pytest.mark.parametrize(
    ("seconds", "blamed"), [(0.1, ["a"]), (SOON_SECONDS, ["a"]), (SOON_SECONDS + 0.1, []), (3600.0, [])]
)
def test_a_store_that_answers_at_once_was_never_away(seconds: float, blamed: list[str]) -> None:
    health = StoreHealth[str]()
    failed(health, "a", 0.0, TRIED)
    assert [name for name, _ in health.answered(TRIED + seconds)] == blamed
    assert health.trouble == ""
    assert health.failed_at("a") < 0.0


def test_of_several_files_those_are_to_blame_that_failed_just_before_the_store_answered() -> None:
    health = StoreHealth[str]()
    failed(health, "long ago", 0.0, 300.0)
    failed(health, "just now", 0.0, 310.0)
    assert health.answered(311.0) == [("just now", ERROR)]


def test_an_outage_blames_nobody_whatever_was_on_its_way_when_it_began() -> None:
    """Thirty-two files are fetched at a time; the last of those that came did so when others failed already."""
    health = StoreHealth[str]()
    for n in range(20):
        health.answered(n / 100)
    blamed = [n for n in range(32) if failed(health, str(n), 0.0, TRIED + n / 10)]
    for n in range(4):  # fifteen minutes and more
        blamed += [n for n in range(1) if health.unreachable(None, ERROR, "", 0.0, TRIED * (n + 2), 0.0)]
    blamed += health.answered(TRIED * 6 + 7)  # type: ignore[arg-type]
    assert blamed == []


def test_a_store_that_went_away_is_asked_at_once_and_then_in_a_while() -> None:
    health = StoreHealth[str]()
    assert not health.may_probe(0.0)
    failed(health, "a", 0.0, 300.0)
    assert health.may_probe(300.0)
    health.is_probed = True
    assert not health.may_probe(400.0)
    health.is_probed = False
    health.unreachable(None, ERROR, "503", 300.0, 600.0, 603.0)
    assert not health.may_probe(602.0)
    assert health.may_probe(603.0)


def test_of_files_that_fail_together_all_are_known_to_be_broken_by_the_same_answer() -> None:
    health = StoreHealth[str]()
    for name in "abc":
        failed(health, name, 0.0, 300.0)
    assert health.may_probe(300.0)
    assert health.answered(300.1) == [("a", ERROR), ("b", ERROR), ("c", ERROR)]


def test_a_store_that_refuses_is_not_asked_at_once() -> None:
    health = StoreHealth[str]()
    health.refused("403", 13.0)
    assert (health.may_probe(12.9), health.may_probe(13.0)) == (False, True)
    assert health.answered(14.0) == []
    assert not health.may_probe(15.0)


def test_what_was_away_and_then_refuses_is_not_away_any_more() -> None:
    health = StoreHealth[str]()
    failed(health, "a", 0.0, 300.0)
    health.refused("403", 303.0)
    assert (health.trouble, health.is_away) == ("403", False)
