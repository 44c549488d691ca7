"""How mini-batches are grouped into messages: enough to hide the round trip, few enough to share fairly."""

from __future__ import annotations

#: A group should take about this long: long against a round trip (0.2 ms), short against anyone's patience.
TARGET_SECONDS = 0.01
MAX_GROUP = 64
#: Above this, a second group in flight would only be work withheld from an idle process.
PREFETCH_BELOW_SECONDS = 0.25
#: Files are fetched for so long ahead: some round trips to a store, and a claim. But for no more than so many.
AHEAD_SECONDS = 1.0
AHEAD = 64


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


def wanted_ahead(average: float | None, processes: int) -> int:
    """How many mini-batches a node should have beside those in flight where their files have to be fetched first."""
    if average is None:
        return 0
    return min(AHEAD, int(processes * AHEAD_SECONDS / max(average, 1e-7)))
