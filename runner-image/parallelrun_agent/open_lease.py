"""One lease in the hands of an agent: what of it was handed out, came back, failed, is durable."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice


@dataclass(slots=True)
class OpenLease:
    """A range ``[start, stop)`` under ``epoch``; memory does not grow with its length unless it had former holders."""

    epoch: int
    start: int
    stop: int
    finished: bytes | None = None  # one byte a mini-batch, 1: not fresh (a former holder sealed it, or a suspect)
    charged: dict[int, int] = field(default_factory=dict)  # tries spent, by mini-batch
    cursor: int = 0  # next mini-batch never sent by this holder
    retry: deque[int] = field(default_factory=deque)
    suspects: deque[int] = field(default_factory=deque)
    in_flight: int = 0
    unsealed: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    complete_since: float | None = None  # seconds, on the machine's clock

    def __post_init__(self) -> None:
        self.cursor = self.start

    @property
    def left(self) -> int:
        """Mini-batches not handed out (an upper bound where a former holder finished some)."""
        return self.stop - self.cursor + len(self.retry)

    @property
    def ran(self) -> bool:
        """Everything came to an end, durable or not."""
        return self.cursor == self.stop and not self.in_flight and not self.retry and not self.suspects

    @property
    def complete(self) -> bool:
        """Everything came to an end and is durable."""
        return self.ran and not self.unsealed

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """In the order of ``leases.allocator.Counts``."""
        return (self.completed, self.failed, self.retried, self.items_succeeded, self.items_failed)

    def mark(self, mini_batch: int) -> None:
        """Do not hand it out as a fresh one."""
        marks = bytearray(self.finished or bytes(self.stop - self.start))
        marks[mini_batch - self.start] = 1
        self.finished = bytes(marks)

    def take(self, want: int) -> list[int]:
        """Up to ``want`` mini-batches to hand out, in order; fresh ones only."""
        taken, self.cursor = self._next_fresh(want)
        return taken

    def upcoming(self, want: int) -> list[int]:
        """Up to ``want`` mini-batches in the order in which they are going to be handed out, none of them suspect."""
        again = list(islice(self.retry, want))
        return again + self._next_fresh(want - len(again))[0]

    def _next_fresh(self, want: int) -> tuple[list[int], int]:
        """Up to ``want`` fresh mini-batches, and the cursor that is behind them."""
        if self.finished is None:
            stop = min(self.cursor + want, self.stop)
            return list(range(self.cursor, stop)), stop
        found: list[int] = []
        cursor = self.cursor
        while cursor < self.stop and len(found) < want:
            offset = self.finished.find(0, cursor - self.start, self.stop - self.start)
            if offset < 0:
                return found, self.stop
            cursor = self.start + offset + 1
            found.append(cursor - 1)
        return found, cursor

    def unfinished(self) -> list[tuple[int, int]]:
        """What is neither finished by this holder nor by a former one, as sorted ranges; nothing may be in flight."""
        singles = [(m, m + 1) for m in {*self.retry, *self.suspects}]
        return sorted([*singles, *self._fresh()])

    def _fresh(self) -> list[tuple[int, int]]:
        if self.cursor == self.stop:
            return []
        if self.finished is None:
            return [(self.cursor, self.stop)]
        ranges, at = [], self.cursor - self.start
        while (low := self.finished.find(0, at)) >= 0:
            high = self.finished.find(1, low)
            at = high if high >= 0 else len(self.finished)
            ranges.append((self.start + low, self.start + at))
        return ranges
