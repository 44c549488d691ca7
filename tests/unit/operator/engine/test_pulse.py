"""What heartbeats that are, or are not, seen say about the watches."""

from __future__ import annotations

from parallelrun_operator.pulse import Pace, Pulse

PACE = Pace(beat=10.0, dead=60.0, blind=25.0, settle=20.0)


def pulse() -> Pulse:
    one = Pulse(["configmaps", "leases"], PACE)
    one.started()
    return one


def beat(one: Pulse, now: float, seen: tuple[str, ...] = ("configmaps", "leases")) -> None:
    number = one.next_beat()
    for kind in ("configmaps", "leases"):
        one.written(kind, number, now)
    for kind in seen:
        one.seen(kind, number, now)


def test_everything_was_seen_once_a_heartbeat_of_each_kind_was() -> None:
    one = pulse()
    assert not one.seen("configmaps", 1, 0.0)
    assert one.seen("leases", 1, 0.0)
    assert not one.seen("leases", 2, 10.0)


def test_a_write_that_is_not_seen_for_a_minute_is_a_dead_watch() -> None:
    one = pulse()
    beat(one, 0.0, seen=("leases",))
    assert one.dead(60.0) == []
    assert one.dead(60.1) == ["configmaps"]


def test_a_later_heartbeat_stands_for_earlier_ones() -> None:
    one = pulse()
    beat(one, 0.0, seen=())
    beat(one, 59.0)
    assert one.dead(100.0) == []


def test_a_watch_is_not_dead_while_the_api_server_takes_no_writes() -> None:
    one = pulse()
    beat(one, 0.0, seen=())
    for kind in ("configmaps", "leases"):
        one.failed(kind)
    assert one.dead(1000.0) == []


def test_a_watch_that_stays_dead_when_writes_succeed_again_is_told() -> None:
    one = pulse()
    one.failed("leases")
    beat(one, 100.0, seen=("configmaps",))
    assert one.dead(161.0) == ["leases"]


def test_watches_that_begin_anew_owe_nothing_of_before() -> None:
    one = pulse()
    beat(one, 0.0, seen=())
    one.started()
    assert one.dead(1000.0) == []


def test_a_process_that_begins_watches_as_soon_as_it_sees() -> None:
    one = pulse()
    assert not one.watching(0.0)
    beat(one, 0.0)
    assert one.watching(0.0)


def test_watches_that_begin_anew_are_a_gap() -> None:
    one = pulse()
    beat(one, 0.0)
    one.started()
    beat(one, 10.0)
    assert one.gaps == 1
    assert not one.watching(10.0)
    assert one.watching(30.0)


def test_after_a_gap_silence_means_nothing_for_a_while() -> None:
    one = pulse()
    for now in (0.0, 10.0, 20.0):
        beat(one, now)
    assert one.watching(30.0)
    assert not one.watching(45.1)
    beat(one, 50.0)
    assert not one.watching(69.0)
    beat(one, 69.0)
    assert one.watching(70.0)


def test_a_gap_that_nobody_asked_about_is_noticed_when_it_ends() -> None:
    """A process that was frozen sees its last heartbeat only when it goes on."""
    one = pulse()
    for now in (0.0, 10.0, 20.0):
        beat(one, now)
    beat(one, 300.0)
    assert not one.watching(301.0)
