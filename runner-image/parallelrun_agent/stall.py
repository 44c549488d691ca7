"""When a volume is full, or a store refuses, the work pauses, says so, and goes on when that is mended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from parallelrun.api.errors import NoSpace, ParallelRunError, is_full
from parallelrun_agent.storage.errors import Refused, Unreachable

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Between two tries; a store is somebody else's, who may lock out whoever asks too often with a wrong key.
RETRY_SECONDS, STORE_RETRY_SECONDS = 1.0, 3.0
#: What may be in the way: the job's volume, the disk that fetched files are on, an object store.
VOLUME, CACHE, STORE = "volume", "cache", "store"


class Stall:
    """Why this agent pauses; one reason for each thing that may be in the way."""

    def __init__(self, waits_for: Callable[[], str] = str) -> None:
        """``waits_for`` says which store does not answer at the moment, where nobody has given up yet; or ""."""
        self._waits_for = waits_for
        self._texts: dict[tuple[str, str], str] = {}

    @property
    def text(self) -> str:
        """The first reason; "" where there is none."""
        return next(iter(self._texts.values()), "") or self._waits_for()

    @property
    def on(self) -> str:
        """What the first reason is about; "" where there is none."""
        return next(iter(self._texts), ("", ""))[0] or (STORE if self._waits_for() else "")

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call ``function`` in a thread, again and again while it runs out of space."""
        return await self._again_while(_of_volumes, function, arguments)

    async def run_on_stores(self, function: Callable[..., T], *arguments: object) -> T:
        """The same, also while an object store refuses or cannot be reached."""
        return await self._again_while(_of_all, function, arguments)

    async def _again_while(
        self, cause: Callable[[Exception], str], function: Callable[..., T], arguments: tuple[object, ...]
    ) -> T:
        seen: set[str] = set()
        while True:
            try:
                result = await asyncio.to_thread(function, *arguments)
            except (ParallelRunError, OSError) as error:
                of = cause(error)
                if not of:
                    raise
                seen.add(of)
                self.set(str(error), of)
                await asyncio.sleep(STORE_RETRY_SECONDS if of == STORE else RETRY_SECONDS)
            else:
                for of in {VOLUME, *seen}:
                    self.clear(of)
                return result

    def set(self, text: str, of: str = VOLUME, which: str = "") -> None:
        """Pause for this reason, said once; ``which`` of several things, several stores say."""
        if text != self._texts.get((of, which)):
            log.error("paused: %s", text)
        self._texts[of, which] = text

    def clear(self, of: str = VOLUME, which: str = "") -> None:
        """What was in the way is not any more."""
        self._texts.pop((of, which), None)


def _of_volumes(error: Exception) -> str:
    return VOLUME if is_no_space(error) else ""


def _of_all(error: Exception) -> str:
    return STORE if isinstance(error, Refused | Unreachable) else _of_volumes(error)


def is_no_space(error: Exception) -> bool:
    """Whether an error says that a volume has no room."""
    return isinstance(error, NoSpace) or (isinstance(error, OSError) and is_full(error))
