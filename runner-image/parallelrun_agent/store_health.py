"""Is a store away, or is one of its objects broken? What the fetches of one node tell, as a pure decision.

A fetch that has failed for minutes says that one of the two is so. What tells them apart is whether the store gives
anything else at that time: if so, the object is to blame; if not, nobody is, the store is asked by one request at a
time, and all goes on when it answers. Times are seconds on one clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Fetch = TypeVar("Fetch", bound=Hashable)

#: What came so shortly before a fetch failed shows that the store worked while that failed: half of how long it is
#: tried, since what was on its way when a store went away may come a little later than its last good moment.
WHILE_FAILING_SECONDS = 150.0
#: What comes so soon after a fetch failed shows the same. Later, it may be that the store has come back: by the next
#: probe, say, after one that failed.
SOON_SECONDS = 2.0


class StoreHealth(Generic[Fetch]):
    """Of one store."""

    def __init__(self) -> None:
        self.trouble = ""  # why nothing is fetched but by one probe at a time; "" where all is well
        self.is_away = False  # cannot be reached; with trouble and without this, the store refuses
        self.is_probed = False
        self._again = 0.0
        self._answered = float("-inf")
        self._suspects: dict[Fetch, tuple[float, Exception]] = {}

    def may_probe(self, now: float) -> bool:
        """Whether it is time to ask a store that is in trouble."""
        return bool(self.trouble) and not self.is_probed and now >= self._again

    def failed_at(self, fetch: Fetch) -> float:
        """When a fetch last failed since the store went away; what never did, or long ago, tells more."""
        return self._suspects[fetch][0] if fetch in self._suspects else float("-inf")

    def answered(self, now: float) -> list[tuple[Fetch, Exception]]:
        """The store gave something, or said something about one object; returns the fetches that are to blame."""
        blamed = [(fetch, error) for fetch, (failed, error) in self._suspects.items() if now - failed <= SOON_SECONDS]
        self._suspects.clear()
        self._answered = now
        self.trouble, self.is_away = "", False
        return blamed

    def refused(self, text: str, again: float) -> None:
        """The store refuses everything; it may be asked ``again`` at that time."""
        self.trouble, self.is_away, self._again = text, False, again

    def unreachable(
        self, fetch: Fetch | None, error: Exception, text: str, began: float, now: float, again: float
    ) -> bool:
        """A fetch (None: a mere question) that ``began`` at that time failed for minutes; whether it is to blame.

        Where that cannot be known the store is asked at once, see :meth:`answered`; after a question ``again`` then.
        """
        if fetch is not None and self._answered > max(began, now - WHILE_FAILING_SECONDS):
            return True
        self._again = again if fetch is None else now
        self.trouble, self.is_away = text, True
        if fetch is not None:
            self._suspects[fetch] = (now, error)
        return False

    def forget(self) -> None:
        """Nobody wants anything of this store any more."""
        self._suspects.clear()
        self.trouble, self.is_away = "", False
