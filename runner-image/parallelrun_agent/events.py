"""What happens to an agent's machine, and what the machine asks for: events in, instructions out.

Both are plain values. The I/O shell makes events of what sockets, the lease store and the clock say, and carries out
instructions; :mod:`parallelrun_agent.machine` decides, and knows of neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from parallelrun_agent.worker_process import Blame


@dataclass(frozen=True, slots=True)
class Slot:
    """What a worker process was doing, from its slot file; ``started`` in CLOCK_MONOTONIC seconds."""

    state: int  # wire.IDLE, wire.READING or wire.RUNNING
    mini_batch: int
    try_number: int
    started: float
    items: int


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostUp:
    """The worker host is connected and takes orders."""


@dataclass(frozen=True, slots=True)
class HostLost:
    """The worker host is gone, and with it every process; what it had flushed is made durable and reported before."""

    slots: Sequence[Slot]


@dataclass(frozen=True, slots=True)
class ProcessReady:
    """``init()`` returned."""

    process: int
    incarnation: int


@dataclass(frozen=True, slots=True)
class InitFailed:
    """``init()`` raised, or the script could not be loaded: then it never ``began``."""

    process: int
    incarnation: int
    text: str
    began: bool = True


@dataclass(frozen=True, slots=True)
class GroupDone:
    """Mini-batches that ran: ``results`` are [mini-batch, items, returned, note] in the order they were sent."""

    process: int
    incarnation: int
    records: int
    seconds: float
    results: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class MiniBatchFailed:
    """``run()`` raised, or its value or its input was no good."""

    process: int
    incarnation: int
    mini_batch: int
    items: int
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class SegmentError:
    """A process could not write its segment and is leaving; nothing is lost."""

    process: int
    incarnation: int
    text: str


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """A process is gone and all that it said has been heard. ``status``: exit code, or -signal."""

    process: int
    incarnation: int
    status: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class Sealed:
    """That many records of a segment are durable. The agent's own failure segment is process :data:`AGENT`."""

    process: int
    incarnation: int
    records: int


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """Files of a mini-batch cannot be fetched: it never reached its process. ``final``: no other try would end better.

    ``items`` 0: not known.
    """

    process: int
    incarnation: int
    mini_batch: int
    text: str
    items: int
    final: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Mini-batches, the last of what a process was to get, never reached it and will not: nobody's fault."""

    process: int
    incarnation: int
    mini_batches: Sequence[int]


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The lease store granted a range, with what its former holders left behind."""

    epoch: int
    start: int
    stop: int
    unclaimed: int  # left in the shards that this node knows, after this claim
    finished: bytes | None = None  # one byte a mini-batch: 1 where a sealed record stands already
    finished_counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    charged: dict[int, int] = field(default_factory=dict)  # tries charged by former holders
    items: dict[int, int] = field(default_factory=dict)  # of the charged mini-batches, where the plan knows
    suspects: Sequence[int] = ()  # were running when a former holder died


@dataclass(frozen=True, slots=True)
class NoWork:
    """Nothing is left to claim at the moment."""


@dataclass(frozen=True, slots=True)
class WorkReturned:
    """Something may be claimable again."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; ``unclaimed``: how much the lease store had left to claim when last seen, None: not known."""

    slots: Sequence[Slot]
    unclaimed: int | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """Start nothing more; what still runs at ``deadline`` is killed, uncharged."""

    deadline: float


Event = (
    HostUp
    | HostLost
    | ProcessReady
    | InitFailed
    | GroupDone
    | MiniBatchFailed
    | SegmentError
    | ProcessExited
    | Sealed
    | FetchFailed
    | Withdrawn
    | LeaseGranted
    | NoWork
    | WorkReturned
    | Tick
    | Drain
)

AGENT = -1  # the "process" of the agent's own segment, which holds failures

# --- instructions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process; ``gpu`` is the index it may see, "" none of the machine's, None: say nothing about GPUs."""

    process: int
    incarnation: int
    gpu: str | None


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL a process and its group."""

    process: int
    incarnation: int


@dataclass(frozen=True, slots=True)
class Send:
    """Run these mini-batches, in this order: (mini-batch, epoch, try)."""

    process: int
    tasks: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class End:
    """Let a process call shutdown() and leave."""

    process: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask for more; ``last`` mini-batches were granted last time (0: first claim), they end at ``rate`` a second.

    How many to take is :func:`parallelrun.leases.claim_size.claim_size`, decided with the shard in hand.
    """

    last: int
    rate: float


@dataclass(frozen=True, slots=True)
class Complete:
    """A lease is finished and sealed; counts as in ``leases.allocator.Counts``, in its order of fields."""

    start: int  # names the lease: open leases are disjoint, while shards count epochs apart
    epoch: int
    counts: tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Return what is not finished of a lease; the rest of it is complete, with these counts."""

    start: int  # names the lease: open leases are disjoint, while shards count epochs apart
    epoch: int
    unfinished: Sequence[tuple[int, int]]
    counts: tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Shrink:
    """Return the end of a lease, from ``stop`` on, which was never started."""

    start: int  # names the lease: open leases are disjoint, while shards count epochs apart
    epoch: int
    stop: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A try is spent. ``kind``: raised, timeout, died, input. To be recorded durably, and shown to the user."""

    mini_batch: int
    epoch: int
    try_number: int
    process: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class RunAlone:
    """A suspect is about to run with nothing else on the node. To be recorded durably before it is sent."""

    mini_batch: int


@dataclass(frozen=True, slots=True)
class RanAlone:
    """A suspect that ran alone came to an end of its own."""

    mini_batch: int


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """All tries are spent: to be written to the agent's own segment. ``items`` is at least 1."""

    mini_batch: int
    epoch: int
    try_number: int
    items: int
    blame: Blame


@dataclass(frozen=True, slots=True)
class Seal:
    """Make everything flushed durable now."""


@dataclass(frozen=True, slots=True)
class Abort:
    """The job cannot go on."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a process remarked on a mini-batch that succeeded: to be logged."""

    mini_batch: int
    text: str


@dataclass(frozen=True, slots=True)
class Drained:
    """Nothing runs, everything is sealed, all leases are returned."""


Instruction = (
    Spawn
    | Kill
    | Send
    | End
    | Claim
    | Complete
    | GiveBack
    | Shrink
    | Charge
    | RunAlone
    | RanAlone
    | RecordFailure
    | Seal
    | Abort
    | Note
    | Drained
)
