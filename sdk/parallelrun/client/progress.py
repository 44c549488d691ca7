"""How far a run is, for programs."""

from __future__ import annotations

from dataclasses import dataclass, field

from parallelrun.local.progress import View, line
from parallelrun.local.request import NodeView, Snapshot

#: Phases of a run that does not go on.
ENDED = ("Done", "Aborted", "Interrupted")


@dataclass(frozen=True)
class Progress:
    """A run at one moment; every count is of the whole run."""

    phase: str
    total: int | None = None  # mini-batches; None until they are known
    completed: int = 0  # mini-batches, failed ones included
    failed: int = 0
    retried: int = 0
    items_succeeded: int = 0  # files or rows
    items_failed: int = 0
    seconds: float = 0.0  # since the run began
    nodes: list[NodeView] = field(default_factory=list)  # node, state, completed, processes, running
    throughput: float | None = None  # mini-batches a second; None: not known
    time_left: float | None = None  # seconds; None: not known
    stalled: str = ""  # why the work pauses; "" where it does not
    first_error: str = ""  # one line of the first failure
    preparing: str = ""  # what is done before the first node works, where it takes long

    def __str__(self) -> str:
        snapshot = Snapshot(
            "Running" if self.phase == "Suspended" else self.phase,
            self.total, self.completed, self.failed, self.retried, self.items_succeeded, self.items_failed,
            self.seconds, self.nodes, self.stalled, self.first_error, self.phase == "Suspended",
            self.preparing,
        )  # fmt: skip
        text = line(View(snapshot, self.throughput, self.time_left))
        if self.phase not in ENDED:
            return text
        return f"{self.phase.lower()}: {self.first_error if self.total is None else text}".rstrip(": ")


def of_view(view: View) -> Progress:
    """Of what displays show; before a rate is known, that since the begin."""
    snapshot = view.snapshot
    rate = view.rate
    if rate is None and snapshot.completed and snapshot.elapsed > 0:
        rate = snapshot.completed / snapshot.elapsed
    return Progress(
        "Suspended" if snapshot.suspended else snapshot.phase,
        snapshot.total, snapshot.completed, snapshot.failed, snapshot.retried, snapshot.items_succeeded,
        snapshot.items_failed, snapshot.elapsed, snapshot.nodes, rate, view.left, snapshot.stalled,
        snapshot.first_error, snapshot.preparing,
    )  # fmt: skip
