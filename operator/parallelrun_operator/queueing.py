"""Which job is looked at when: a work queue with one entry a key.

Adding a key again while it waits changes nothing but, at most, brings it forward; adding it while it is being looked at
makes it come again afterwards: a look sees all that was there when it began, so one more is always enough. A key that
failed waits longer each time, and one that changes all the time is not looked at all the time.

:class:`Schedule` is told the time and knows no event loop; :class:`Queue` lends it both.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Between the starts of two looks at the same key.
LEAST_INTERVAL_SECONDS = 0.5
#: After the first failure, a random half to whole of this; doubled with each failure in a row, up to the longest.
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0


class Schedule(Generic[K]):
    """Keys and when they are due; times are seconds of any one monotonic clock."""

    def __init__(
        self, least_interval: float = LEAST_INTERVAL_SECONDS, chance: Callable[[], float] = random.random
    ) -> None:
        """``chance`` (0 to 1) is for tests to replace."""
        self._least_interval, self._chance = least_interval, chance
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []  # of what waits; an entry that _due does not agree with is void
        self._order = 0
        self._taken: set[K] = set()
        self._not_before: dict[K, float] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K, now: float, after: float = 0.0) -> None:
        """``key`` is due in so many seconds, or earlier if it already was; later while it is held back."""
        due = max(now + after, self._not_before.get(key, now))
        if due < self._due.get(key, float("inf")):
            self._set(key, due)

    def take(self, now: float) -> tuple[K, float] | None:
        """(a key that is due, since when), or None; it is being looked at until :meth:`done` or :meth:`failed`."""
        next_due = self.next_due()
        if next_due is None or next_due > now:
            return None
        due, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._taken.add(key)
        self._not_before[key] = now + self._least_interval
        return key, due

    def done(self, key: K, now: float, again: float | None = None) -> None:
        """The look at ``key`` is over; it comes again in ``again`` seconds (None: when it is added)."""
        self._taken.discard(key)
        self._failures.pop(key, None)
        if key in self._due:
            self._set(key, max(self._due[key], self._not_before.get(key, now)))
        if again is not None:
            self.add(key, now, again)

    def failed(self, key: K, now: float) -> float:
        """The look at ``key`` failed: it comes again after the returned number of seconds, and not before."""
        self._taken.discard(key)
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 30))
        wait = longest * (0.5 + 0.5 * self._chance())
        self._not_before[key] = now + wait
        self._set(key, now + wait)
        return wait

    def forget(self, key: K) -> None:
        """``key`` is no more, and is not being looked at."""
        self._taken.discard(key)
        for kept in (self._due, self._not_before, self._failures):
            kept.pop(key, None)

    def forgive(self, now: float) -> None:
        """What made keys fail is over: those that are held back for it come at once."""
        for key in list(self._failures):
            del self._failures[key]
            self._not_before.pop(key, None)
            self.add(key, now)

    def next_due(self) -> float | None:
        """When the next key that can be taken is due; None: there is none."""
        while self._heap and (self._heap[0][2] in self._taken or self._due.get(self._heap[0][2]) != self._heap[0][0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        """How many keys wait."""
        return len(self._due)

    def _set(self, key: K, due: float) -> None:
        """Due then; what is being looked at waits outside of the heap until that is over."""
        self._due[key] = due
        if key not in self._taken:
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))


class Queue(Generic[K]):
    """A Schedule by the event loop's clock; for one event loop."""

    def __init__(self, schedule: Schedule[K] | None = None) -> None:
        self._schedule: Schedule[K] = Schedule() if schedule is None else schedule
        self._changed = asyncio.Event()

    def add(self, key: K, after: float = 0.0) -> None:
        """See :meth:`Schedule.add`."""
        self._schedule.add(key, _now(), after)
        self._changed.set()

    async def take(self) -> tuple[K, float]:
        """(the next key that is due, for how many seconds it was); waits for one."""
        while True:
            taken = self._schedule.take(_now())
            if taken is not None:
                return taken[0], _now() - taken[1]
            self._changed.clear()
            due = self._schedule.next_due()
            with contextlib.suppress(TimeoutError):  # wait_for would lose a cancellation that comes with a change
                async with asyncio.timeout_at(due):
                    await self._changed.wait()

    def done(self, key: K, again: float | None = None) -> None:
        """See :meth:`Schedule.done`."""
        self._schedule.done(key, _now(), again)
        self._changed.set()

    def failed(self, key: K) -> float:
        """See :meth:`Schedule.failed`."""
        wait = self._schedule.failed(key, _now())
        self._changed.set()
        return wait

    def forget(self, key: K) -> None:
        """See :meth:`Schedule.forget`."""
        self._schedule.forget(key)

    def forgive(self) -> None:
        """See :meth:`Schedule.forgive`."""
        self._schedule.forgive(_now())
        self._changed.set()

    def __len__(self) -> int:
        """How many keys wait."""
        return len(self._schedule)


def _now() -> float:
    return asyncio.get_running_loop().time()
