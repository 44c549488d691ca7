"""One object store as a node's fetches meet it: pauses what is in it while it refuses or is away, and asks after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from parallelrun_agent.fetcher import Fetcher
from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.stall import STORE, Stall
from parallelrun_agent.storage.errors import Refused, StorageError, Unreachable
from parallelrun_agent.store_health import StoreHealth

log = logging.getLogger(__name__)

#: A store that is in trouble is asked again after so long; more than ``store_health.SOON_SECONDS``.
RETRY_SECONDS = 3.0

File = tuple[int, int]  # mini-batch, number of the file


class WatchedStore:
    """Of one node; all on the event loop's thread."""

    def __init__(
        self,
        name: str,
        fetcher: Fetcher,
        stall: Stall,
        wake: Callable[[], None],
        blamed: Callable[[File, Exception], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """``wake``: look at it again, something may have changed. ``blamed``: not the store, this file is broken.

        ``failed`` stops the agent.
        """
        self.health: StoreHealth[File] = StoreHealth()
        self.running = 0  # weight of the fetches on their way
        self._name, self._fetcher, self._stall = name, fetcher, stall
        self._wake, self._blamed, self._failed = wake, blamed, failed
        self._came: PlannedFile | None = None  # the last file that did
        self._question: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def can_be_asked(self) -> bool:
        """Whether something is known to be there that tells whether a store that was away is back."""
        return self.health.is_away and self._came is not None

    def came(self, file: PlannedFile) -> None:
        """A file was fetched."""
        self._came = file
        self.answered()

    def answered(self) -> None:
        """It said something that is not about itself."""
        was_paused = bool(self.health.trouble)
        for file, error in self.health.answered(self._loop.time()):
            self._blamed(file, error)
        if was_paused:
            self._stall.clear(STORE, self._name)

    def refused(self, error: Refused) -> None:
        """It refuses everything."""
        self.health.refused(str(error), self._loop.time() + RETRY_SECONDS)
        self._pause()

    def is_to_blame(self, file: File | None, began: float, error: Unreachable) -> bool:
        """Whether a file (None: a question) that could not be reached is broken, as far as is known by now."""
        now = self._loop.time()
        text = f"{self._name} cannot be reached, and is asked until it answers: {error}"
        is_to_blame = self.health.unreachable(file, error, text, began, now, now + RETRY_SECONDS)
        if not is_to_blame:
            self._pause()
        return is_to_blame

    def ask(self) -> None:
        """Find out whether it answers, see :attr:`can_be_asked`."""
        assert self._came is not None
        self.health.is_probed = True
        self._question = self._loop.create_task(self._ask(self._came))
        self._question.add_done_callback(self._asked)

    def leave(self) -> None:
        """Nobody wants anything that is in it."""
        if self._question is not None:
            self._question.cancel()
        self.health.forget()
        self._stall.clear(STORE, self._name)

    async def _ask(self, file: PlannedFile) -> None:
        began = self._loop.time()
        try:
            await self._fetcher.ask(file)
        except Refused as error:
            self.refused(error)
        except Unreachable as error:
            self.is_to_blame(None, began, error)
        except (StorageError, OSError) as error:
            log.info("asked whether %s answers: %s", self._name, error)
            self.answered()
        else:
            self.answered()

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._question = None
        self.health.is_probed = False
        if not task.cancelled() and (error := task.exception()):
            self._failed(error if isinstance(error, Exception) else RuntimeError(repr(error)))
        self._wake()

    def _pause(self) -> None:
        self._stall.set(self.health.trouble, STORE, self._name)
        self._loop.call_later(RETRY_SECONDS, self._wake)
