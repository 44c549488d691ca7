"""What the operator remembers of one job between two looks: what only time can show, and nothing that must last.

A restart, or a gap in what the watches see, empties it: all timers then start anew, and nobody is expired for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Memory:
    """Times are of ``World.now``. Replaced as a whole by each decision."""

    beats: dict[int, tuple[str, int, float]] = field(default_factory=dict)  # node: holder, beat, when it was first seen
    expired: dict[int, tuple[str, float]] = field(default_factory=dict)  # node: the holder shut out last, and when
    absent: dict[int, float] = field(default_factory=dict)  # index: since when it has no pod that is alive
    progress: tuple[str, int, float] = ("", 0, 0.0)  # phase, completed mini-batches, since when they are that
    samples: tuple[tuple[float, int], ...] = ()  # (time, completed) of the last minute or so, for the rate
    init_failed_since: float | None = None  # when an init() was first seen to have failed
    aborted_since: float | None = None  # when the header was first seen Aborted and not yet reported
    status_written: float = 0.0  # when status was written last
