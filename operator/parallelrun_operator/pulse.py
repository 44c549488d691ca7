"""Whether this process sees what happens: it writes heartbeats, and they must come back through its own watches.

Pure: told what was written and seen, and when. Two questions are answered. *Dead*: a write that the API server took was
not seen for long, though nothing says that the API server is away; only a new process helps. *Watching*: whether
silence means anything just now. After a gap it does not for a while: agents could not show themselves either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    beat: float = 10.0  # between two heartbeats
    dead: float = 60.0  # written and not seen for so long: the watch is dead
    blind: float = 25.0  # nothing seen for so long: a gap
    settle: float = 20.0  # after a gap, agents have so long to show themselves


class Pulse:
    """Heartbeats of one process, in several kinds of objects; ``now`` is of one monotonic clock."""

    def __init__(self, kinds: Iterable[str], pace: Pace | None = None) -> None:
        self.pace = Pace() if pace is None else pace
        self._kinds = tuple(kinds)
        self._beat = 0
        self._unseen: dict[str, dict[int, float]] = {kind: {} for kind in self._kinds}
        self._seen: dict[str, float] = {}  # since the watches were started
        self._settled: float | None = None  # since when there has been no gap; None: it is there now
        self.gaps = 0  # so many there were: what was concluded from silence before one is void

    def next_beat(self) -> int:
        """The number of the heartbeat that is written next."""
        self._beat += 1
        return self._beat

    def started(self) -> None:
        """The watches begin anew: they owe nothing of before."""
        self._seen.clear()
        self._gap()
        for unseen in self._unseen.values():
            unseen.clear()

    def written(self, kind: str, beat: int, now: float) -> None:
        """The API server took heartbeat ``beat``."""
        self._unseen[kind][beat] = now

    def failed(self, kind: str) -> None:
        """The API server did not take a heartbeat: what its watches owe cannot be judged."""
        self._unseen[kind].clear()

    def seen(self, kind: str, beat: int, now: float) -> bool:
        """Heartbeat ``beat`` came through the watch; whether all kinds are seen now, and were not before."""
        self.watching(now)
        whole = self.complete()
        self._seen[kind] = now
        self._unseen[kind] = {one: when for one, when in self._unseen[kind].items() if one > beat}
        self.watching(now)
        return self.complete() and not whole

    def complete(self) -> bool:
        """Whether a heartbeat of each kind was seen since the watches were started."""
        return len(self._seen) == len(self._kinds)

    def age(self, kind: str, now: float) -> float:
        """Seconds since a heartbeat of this kind was seen; infinite before the first."""
        return now - self._seen.get(kind, float("-inf"))

    def dead(self, now: float) -> list[str]:
        """Kinds whose watch does not show what was written."""
        return [
            kind
            for kind, unseen in self._unseen.items()
            if any(now - when > self.pace.dead for when in unseen.values())
        ]

    def watching(self, now: float) -> bool:
        """Whether silence of others means something; to be asked often, since it notices gaps."""
        if any(self.age(kind, now) > self.pace.blind for kind in self._kinds):
            self._gap()
        elif self._settled is None:
            self._settled = now if self.gaps else now - self.pace.settle  # at first there was nothing to conclude from
        return self._settled is not None and now - self._settled >= self.pace.settle

    def _gap(self) -> None:
        self.gaps += self._settled is not None
        self._settled = None
