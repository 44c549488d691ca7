"""What an agent remembers of a worker process, and of how one of its mini-batches came to a bad end."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from parallelrun_agent.open_lease import OpenLease


class State(Enum):
    """Of a worker process."""

    ABSENT = "absent"
    STARTING = "starting"  # spawned; init() not over
    READY = "ready"
    ENDING = "ending"  # told to end, or killed, or leaving by itself


@dataclass(slots=True)
class Group:
    """Mini-batches sent in one message; those before ``position`` have come back."""

    lease: OpenLease
    tasks: list[int]
    position: int = 0

    @property
    def rest(self) -> list[int]:
        """The mini-batches that have not come back."""
        return self.tasks[self.position :]


@dataclass(slots=True)
class Process:
    """One worker process, over its incarnations."""

    number: int
    state: State = State.ABSENT
    incarnation: int = -1
    groups: deque[Group] = field(default_factory=deque)
    unsealed: deque[tuple[int, OpenLease, int]] = field(default_factory=deque)  # (records, lease, mini-batches)
    init_failures: int = 0  # since init() last succeeded
    not_before: float = 0.0  # do not spawn earlier
    killed_for: int | None = None  # the mini-batch that ran too long
    gpu: str | None = None
    completed: int = 0

    def group_of(self, mini_batch: int) -> Group | None:
        """The group that a mini-batch which has not come back is in."""
        return next((group for group in self.groups if mini_batch in group.rest), None)


@dataclass(frozen=True, slots=True)
class Blame:
    """How a try went wrong. ``items`` 0: not known."""

    process: int
    kind: str  # "raised" | "timeout" | "died" | "input"
    text: str
    items: int = 0
    seconds: float = 0.0


def obituary(status: int) -> str:
    """An exit status as of ``os.waitpid``, in words."""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:  # a real-time signal
        return f"signal {-status}"
