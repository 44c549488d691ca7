"""How long a job may take to plan, and how long between two finished mini-batches: timeouts of ``spec.advanced``.

Pure: whoever watches the job says what it sees and when. Time does not count in which the job was suspended or waited
for storage, nor a gap in which the watcher itself saw nothing.
"""

from __future__ import annotations

from parallelrun.api.settings import AdvancedSettings
from parallelrun.leases.header import NO_PROGRESS, PLANNING_FAILED, Phase

#: Seconds between two looks after which the watcher, or the machine, must have been asleep.
GAP_SECONDS = 10.0


class Patience:
    """One watcher's; see :meth:`exceeded`."""

    def __init__(self, limits: AdvancedSettings) -> None:
        self._limits = limits
        self._seen: tuple[Phase, int] | None = None
        self._since = 0.0
        self._last = 0.0

    def exceeded(self, phase: Phase, completed: int, now: float, paused: bool) -> tuple[str, str] | None:
        """(reason, message) when the job is to be aborted, else None. ``now`` in seconds, monotonic."""
        asleep = now - self._last > GAP_SECONDS
        self._last = now
        if (phase, completed) != self._seen or paused or asleep:
            self._seen, self._since = (phase, completed), now
        return overdue(phase, now - self._since, self._limits)


def overdue(phase: Phase, waited: float, limits: AdvancedSettings) -> tuple[str, str] | None:
    """(reason, message) where ``waited`` seconds in ``phase`` without a finished mini-batch are too many, else None."""
    planning, progress = limits.first_task_creation_timeout, limits.progress_update_timeout
    if phase is Phase.PLANNING and waited > planning:
        return PLANNING_FAILED, _message("planning took longer than", "firstTaskCreationTimeoutSeconds", planning)
    if phase is Phase.RUNNING and 0 < progress < waited:
        said = "no mini-batch was finished for longer than"
        return NO_PROGRESS, _message(said, "progressUpdateTimeoutSeconds", progress)
    return None


def _message(what: str, name: str, seconds: float) -> str:
    return f"{what} spec.advanced.{name} ({seconds:g} s)\nRaise it, or look into the logs for what takes so long."
