"""When a volume is full the work pauses, says so, and goes on when there is space."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from parallelrun.api.errors import NoSpace, is_full

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 1.0


class Stall:
    """Why this agent pauses; ``text`` is "" when it does not."""

    def __init__(self) -> None:
        self.text = ""

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call ``function`` in a thread, again and again while it runs out of space."""
        while True:
            try:
                result = await asyncio.to_thread(function, *arguments)
            except (NoSpace, OSError) as error:
                if not _is_full(error):
                    raise
                self.set(str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.text = ""
                return result

    def set(self, text: str) -> None:
        """Pause for this reason, said once."""
        if text != self.text:
            log.error("paused: %s", text)
        self.text = text


def _is_full(error: Exception) -> bool:
    """Whether an error says that a volume has no room."""
    return isinstance(error, NoSpace) or (isinstance(error, OSError) and is_full(error))
