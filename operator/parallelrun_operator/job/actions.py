"""What a decision can ask for. Each is harmless to repeat, and harmless when what it was decided on has changed since:
objects are named by UID, leases and header are changed by compare-and-swap through the same pure functions that agents
use, deletions name the UID of what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from parallelrun.kube.resources import Resource
from parallelrun_operator.job.memory import Memory

Json = dict[str, Any]


@dataclass(frozen=True)
class Apply:
    """Server-side apply, forced, of a child that is ours alone (ServiceAccount, Role, RoleBinding, settings)."""

    obj: Json


@dataclass(frozen=True)
class Create:
    """Create, unless there is one: what agents (leases, shards, header) or Kueue (the Job) change afterwards."""

    obj: Json


@dataclass(frozen=True)
class Patch:
    """Merge patch of a few fields, such as the Job's parallelism."""

    resource: Resource
    name: str
    patch: Json


@dataclass(frozen=True)
class Delete:
    """Delete the object with this uid."""

    resource: Resource
    name: str
    uid: str
    grace_seconds: int | None = None  # 0: by force, for pods on machines that are gone


@dataclass(frozen=True)
class Expire:
    """Shut out a holder: its node's lease, its ranges in every shard, and its grant."""

    node: int
    holder: str


@dataclass(frozen=True)
class Release:
    """Give back the ranges and the grant of a holder that is no node's any more."""

    holder: str


@dataclass(frozen=True)
class Abort:
    """Abort the job through its header."""

    reason: str
    message: str


@dataclass(frozen=True)
class MarkReported:
    """Nobody is there to report an aborted job: let it be over."""


@dataclass(frozen=True)
class SetStatus:
    """Write status, whole; the last action of a pass, and only where it differs from what is there."""

    status: Json
    unchanged: bool = False  # only where nobody wrote the object since it was looked at: its status is also a memory


@dataclass(frozen=True)
class Announce:
    """An Event about the job; the same type, reason and message again only raise its count. After the status."""

    type: str  # Normal | Warning
    reason: str
    message: str


Action = Apply | Create | Patch | Delete | Expire | Release | Abort | MarkReported | SetStatus | Announce


@dataclass(frozen=True)
class Decision:
    """Actions in the order in which they are carried out; what is to be remembered; when to look again (seconds)."""

    actions: tuple[Action, ...]
    memory: Memory = field(default_factory=Memory)
    look_again: float | None = None  # None: when something changes
