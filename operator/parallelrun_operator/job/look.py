"""A look at a job: gather, decide, apply.

What a look remembers counts only when all of it was carried out, and only until the next gap in what the watches show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parallelrun_operator.cache import Cache, JobKey
from parallelrun_operator.job.actions import Decision
from parallelrun_operator.job.apply import Applier
from parallelrun_operator.job.gather import Gatherer
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.world import World
from parallelrun_operator.pulse import Pulse

Decide = Callable[[World], Decision]


class Looker:
    """Looks at jobs; at one and the same not twice at a time."""

    def __init__(self, cache: Cache, gatherer: Gatherer, applier: Applier, decide: Decide, pulse: Pulse) -> None:
        self._cache, self._gatherer, self._applier = cache, gatherer, applier
        self._decide, self._pulse = decide, pulse
        self._memories: dict[JobKey, tuple[Memory, int]] = {}  # and after how many gaps it began

    async def look(self, key: JobKey) -> float | None:
        """Seconds until the next look is wanted (None: when something changes). Raises KubeError and NotLeading.

        A job that is being deleted is left alone: its children go with it.
        """
        job = self._cache.jobs.get(key)
        if job is None:
            self.forget(key)
            return None
        if "deletionTimestamp" in job["metadata"]:
            return None
        watching, gaps = self._pulse.watching(asyncio.get_running_loop().time()), self._pulse.gaps
        memory, before = self._memories.get(key, (Memory(), gaps))
        memory = memory if before == gaps else Memory()
        world = await self._gatherer.world(key, memory, watching, self._applier.applied(key))
        decision = self._decide(world)
        # Kept also where an action fails: what only silence shows goes on being silent meanwhile.
        self._memories[key] = decision.memory, gaps
        await self._applier.carry_out(key, decision.actions)
        return decision.look_again

    def forget(self, key: JobKey) -> None:
        """The job is no more."""
        self._memories.pop(key, None)
        self._gatherer.forget(key)
        self._applier.forget(key)
