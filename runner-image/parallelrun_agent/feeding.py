"""How mini-batches are grouped into messages: enough to hide the round trip, few enough to share fairly."""

from __future__ import annotations

#: A group should take about this long: long against a round trip (0.2 ms), short against anyone's patience.
TARGET_SECONDS = 0.01
MAX_GROUP = 64
#: Above this, a second group in flight would only be work withheld from an idle process.
PREFETCH_BELOW_SECONDS = 0.25


def group_size(average: float | None, left: int, processes: int) -> int:
    """Mini-batches in the next group, at least 1; ``average`` seconds each (None: unknown), ``left`` not yet sent."""
    if average is None:
        return 1
    by_time = int(TARGET_SECONDS / max(average, 1e-7))
    fair = left // (2 * processes)
    return max(1, min(by_time, fair, MAX_GROUP))


def groups_in_flight(average: float | None, size: int) -> int:
    """How many groups a process may hold, the running one included."""
    return 2 if average is not None and average * size < PREFETCH_BELOW_SECONDS else 1
