"""How often a node of a cluster gives a sign of life, and how long one without counts as alive."""

from __future__ import annotations

BEAT_SECONDS = 10.0
#: Above so many nodes heartbeats are stretched, so that their sum stays at 100 writes a second.
NODES_AT_FULL_PACE = 1000
#: A lease that has not changed for so many heartbeats is expired.
BEATS_MISSED = 4


def beat_seconds(nodes: int) -> float:
    """Seconds between two heartbeats of one of ``nodes`` nodes."""
    return BEAT_SECONDS * max(1.0, nodes / NODES_AT_FULL_PACE)


def lease_seconds(nodes: int) -> float:
    """A node's lease that has not changed for so long, by its watcher's own clock, is expired."""
    return BEATS_MISSED * beat_seconds(nodes)
