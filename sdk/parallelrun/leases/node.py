"""A node's lease: which holder (pod) acts for the node, its heartbeat, and the progress of what it has open.

Whoever expires leases watches for ones that do not *change*, by its own clock: no times are written, none compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class NodeLease:
    """``holder`` "" is nobody. ``beat`` grows with each heartbeat. ``progress`` is for people; nothing adds it up."""

    holder: str
    beat: int
    progress: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> NodeLease:
        """The inverse of :meth:`to_json`; raises TypeError on anything else."""
        return cls(**value)


def take(lease: NodeLease | None, holder: str) -> NodeLease:
    """``holder`` acts for the node from now on; an older one finds out at its next :func:`renew` and stops."""
    return NodeLease(holder, 1 if lease is None else lease.beat + 1)


def renew(lease: NodeLease, holder: str, progress: dict[str, Any]) -> tuple[NodeLease, bool]:
    """A heartbeat; False and unchanged where ``holder`` is no longer the node's: it has to stop."""
    if lease.holder != holder:
        return lease, False
    return NodeLease(holder, lease.beat + 1, progress), True


def expire(lease: NodeLease, holder: str) -> NodeLease:
    """``holder`` is shut out; unchanged where a newer one has taken over."""
    return replace(lease, holder="", beat=lease.beat + 1) if holder and lease.holder == holder else lease
