"""What the operator remembers of one job between two looks: what only time can show, and nothing that must last.

A restart, or a gap in what the watches see, empties it: all timers then start anew, and nobody is expired for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Memory:
    """Times are of ``World.now``. Replaced as a whole by each decision."""

    looked: float | None = None  # when the job was looked at last
    beats: dict[int, tuple[str, int, float]] = field(default_factory=dict)  # node: holder, beat, when it was first seen
    strays: dict[str, float] = field(default_factory=dict)  # holder: since when it holds something without being seen
    leaseless: dict[str, float] = field(default_factory=dict)  # pod's uid: since when its agent runs without a lease
    absent: dict[int, float] = field(default_factory=dict)  # index: since when it has no pod that is alive
    replaced: tuple[float, int] = (0.0, 0)  # when the Job was last made anew for lack of pods; how often in a row
    lost_since: float | None = None  # when a part of the job's state was first missed
    progress: tuple[str, int, float] = ("", 0, 0.0)  # phase, completed mini-batches, since when they are that
    samples: tuple[tuple[float, int], ...] = ()  # (time, completed) of the last minute or so, for the rate
    init_failed_since: float | None = None  # when an init() was first seen to have failed
    aborted_since: float | None = None  # when the header was first seen Aborted and not yet reported
    agentless_since: float | None = None  # when no agent was first seen running since then
    over_since: float | None = None  # when the header was first seen to be over
    status_written: float | None = None  # when status was written last
