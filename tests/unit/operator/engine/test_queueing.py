"""The work queue: nothing that was added is lost, nothing is looked at twice at a time, and failures wait."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from parallelrun_operator.queueing import LONGEST_BACKOFF_SECONDS, Queue, Schedule

INTERVAL = 0.5
KEYS = st.sampled_from("abc")


def schedule(chance: float = 1.0) -> Schedule[str]:
    return Schedule(INTERVAL, lambda: chance)


def test_a_key_that_is_added_often_is_taken_once() -> None:
    one = schedule()
    for _ in range(5):
        one.add("a", 0.0)
    assert one.take(0.0) == ("a", 0.0)
    one.done("a", 0.1)
    assert one.take(10.0) is None


def test_a_key_that_is_added_while_it_is_looked_at_comes_again() -> None:
    one = schedule()
    one.add("a", 0.0)
    one.take(0.0)
    one.add("a", 0.1)
    assert one.take(5.0) is None
    one.done("a", 5.0)
    assert one.take(5.0) is not None


def test_two_looks_at_a_key_begin_an_interval_apart() -> None:
    one = schedule()
    one.add("a", 0.0)
    one.take(0.0)
    one.done("a", 0.01)
    one.add("a", 0.02)
    assert one.take(INTERVAL - 0.01) is None
    assert one.take(INTERVAL) is not None


def test_a_later_look_is_brought_forward_by_an_earlier_one() -> None:
    one = schedule()
    one.add("a", 0.0, after=30.0)
    one.add("a", 1.0)
    one.add("a", 2.0, after=60.0)
    assert one.take(2.0) == ("a", 1.0)


def test_each_failure_in_a_row_doubles_the_wait_up_to_a_minute() -> None:
    one, now, waits = schedule(), 0.0, []
    one.add("a", now)
    for _ in range(8):
        assert one.take(now) is not None
        waits.append(one.failed("a", now))
        now += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_half_of_the_wait_is_left_to_chance() -> None:
    one = schedule(chance=0.0)
    one.add("a", 0.0)
    one.take(0.0)
    assert one.failed("a", 0.0) == 0.5


def test_changes_do_not_shorten_the_wait_after_a_failure() -> None:
    one = schedule()
    one.add("a", 0.0)
    one.take(0.0)
    one.failed("a", 0.0)
    one.add("a", 0.1)
    assert one.take(0.9) is None
    assert one.take(1.0) is not None


def test_a_success_ends_the_row_of_failures() -> None:
    one = schedule()
    one.add("a", 0.0)
    one.take(0.0)
    one.failed("a", 0.0)
    one.take(1.0)
    one.done("a", 1.0, again=1.0)
    one.take(2.0)
    assert one.failed("a", 2.0) == 1.0


def test_what_failed_comes_at_once_when_it_is_forgiven() -> None:
    one = schedule()
    one.add("a", 0.0)
    for now in (0.0, 1.0, 3.0):
        assert one.take(now) is not None
        one.failed("a", now)
    one.forgive(3.5)
    assert one.take(3.5) is not None


def test_a_key_that_is_forgotten_does_not_come() -> None:
    one = schedule()
    one.add("a", 0.0)
    one.forget("a")
    assert one.take(1.0) is None
    assert one.next_due() is None


def test_the_queue_hands_out_what_is_added_later() -> None:
    async def scenario() -> str:
        queue: Queue[str] = Queue()
        waiting = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        queue.add("a")
        return (await asyncio.wait_for(waiting, 5))[0]

    assert asyncio.run(scenario()) == "a"


def test_an_earlier_key_overtakes_one_that_is_waited_for() -> None:
    async def scenario() -> str:
        queue: Queue[str] = Queue()
        queue.add("late", after=60.0)
        waiting = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        queue.add("soon", after=0.01)
        return (await asyncio.wait_for(waiting, 5))[0]

    assert asyncio.run(scenario()) == "soon"


@pytest.mark.parametrize("steps", range(5))
def test_who_waits_can_be_cancelled_at_the_moment_of_a_change(steps: int) -> None:
    """A worker that does not hear of its end would keep the whole process from ending."""

    async def scenario() -> bool:
        queue: Queue[str] = Queue()
        queue.add("late", after=60.0)
        waiting = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0.01)
        queue.add("later", after=70.0)
        for _ in range(steps):  # of the event loop, on the change's way to who waits
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting], timeout=5)
        return waiting.cancelled()

    assert asyncio.run(scenario())


class AnyHistory(RuleBasedStateMachine):
    """Adds, looks that end well or not, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.one = schedule()
        self.now = 0.0
        self.taken: set[str] = set()
        self.wanted: set[str] = set()  # added, and not taken since
        self.starts: dict[str, float] = {}
        self.held_until: dict[str, float] = {}

    @rule(key=KEYS, after=st.floats(0, 5))
    def add(self, key: str, after: float) -> None:
        self.one.add(key, self.now, after)
        self.wanted.add(key)

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        got = self.one.take(self.now)
        if got is None:
            return
        key = got[0]
        assert key not in self.taken, "looked at twice at a time"
        assert key in self.wanted, "nobody asked for it"
        assert got[1] <= self.now
        assert self.now - self.starts.get(key, -math.inf) >= INTERVAL
        assert self.now >= self.held_until.pop(key, 0.0)
        self.starts[key] = self.now
        self.taken.add(key)
        self.wanted.discard(key)

    @precondition(lambda self: self.taken)
    @rule(again=st.none() | st.floats(0, 5), data=st.data())
    def done(self, again: float | None, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.taken)))
        self.taken.discard(key)
        self.one.done(key, self.now, again)
        if again is not None:
            self.wanted.add(key)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.taken)))
        self.taken.discard(key)
        wait = self.one.failed(key, self.now)
        assert 0 < wait <= LONGEST_BACKOFF_SECONDS
        self.held_until[key] = self.now + wait
        self.wanted.add(key)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.one) == len(self.wanted)
        free = self.wanted - self.taken
        due = self.one.next_due()
        assert (due is not None) == bool(free)
        assert due is None or due <= self.now + 5 + LONGEST_BACKOFF_SECONDS


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
