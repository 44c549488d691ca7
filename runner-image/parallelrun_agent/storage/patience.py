"""How long a store that fails is asked again: for minutes, with growing pauses, anew after whatever came through."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

_FIRST, _LONGEST = 0.5, 15.0
#: Failures that pass sooner are nobody's business.
_SAID_AFTER = 10.0


class Waiting:
    """Requests that have failed for a while and are made again, for people; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: dict[int, tuple[Patience, str]] = {}

    def text(self, after: float) -> str:
        """What the first says to which nothing has come for ``after`` seconds; "" where there is none."""
        with self._lock:
            return next((text for patience, text in self._failing.values() if patience.lasted >= after), "")

    def failed(self, patience: Patience, text: str) -> None:
        """A request failed once more; ``text`` says which store and why."""
        with self._lock:
            self._failing[id(patience)] = patience, text

    def over(self, patience: Patience) -> None:
        """It is answered, or given up."""
        with self._lock:
            self._failing.pop(id(patience), None)


class Patience:
    """Of one request that is made until it succeeds, or until the failures have lasted too long."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``seconds`` without anything coming through, by ``clock``, are too long."""
        self._seconds = seconds
        self._clock = clock
        self._since: float | None = None
        self._pause = _FIRST
        self._is_said = False

    def progress(self) -> None:
        """Something came through."""
        self._since, self._pause, self._is_said = None, _FIRST, False

    def pause(self, what: str) -> float | None:
        """Seconds to wait before asking again, or None where it is enough; ``what`` fails, for the log."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        lasted = now - self._since
        if lasted >= self._seconds:
            return None
        if lasted > _SAID_AFTER and not self._is_said:
            self._is_said = True
            log.warning("trying again for %.0f s by now: %s", lasted, what)
        pause = self._pause * random.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, _LONGEST)
        return min(pause, self._seconds - lasted)

    @property
    def lasted(self) -> float:
        """Seconds since nothing comes through."""
        return 0.0 if self._since is None else self._clock() - self._since
