"""When a volume is full, or a store refuses, the work pauses, says so, and goes on when that is mended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from parallelrun.api.errors import NoSpace, is_full

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 1.0
#: What may be in the way: the job's volume, the disk that fetched files are on, an object store.
VOLUME, CACHE, STORE = "volume", "cache", "store"


class Stall:
    """Why this agent pauses; one reason for each thing that may be in the way."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    @property
    def text(self) -> str:
        """The first reason; "" where there is none."""
        return next(iter(self._texts.values()), "")

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call ``function`` in a thread, again and again while it runs out of space."""
        while True:
            try:
                result = await asyncio.to_thread(function, *arguments)
            except (NoSpace, OSError) as error:
                if not is_no_space(error):
                    raise
                self.set(str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.clear()
                return result

    def set(self, text: str, of: str = VOLUME) -> None:
        """Pause for this reason, said once."""
        if text != self._texts.get(of):
            log.error("paused: %s", text)
        self._texts[of] = text

    def clear(self, of: str = VOLUME) -> None:
        """What was in the way is not any more."""
        self._texts.pop(of, None)


def is_no_space(error: Exception) -> bool:
    """Whether an error says that a volume has no room."""
    return isinstance(error, NoSpace) or (isinstance(error, OSError) and is_full(error))
