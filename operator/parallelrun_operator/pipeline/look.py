"""A look at a pipeline, or at a run of one: gather, decide, apply.

Nothing is remembered but that the API server refused a job: for good, and the step has failed; or because of a quota or
of missing rights, and it is tried again.
"""

from __future__ import annotations

import asyncio

from parallelrun.api.conditions import LABEL_STEP
from parallelrun.kube import errors
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINES
from parallelrun_operator.cache import Cache, Key
from parallelrun_operator.job.actions import Action, Create, Decision
from parallelrun_operator.job.apply import Applier, Outdated
from parallelrun_operator.pipeline import schedule
from parallelrun_operator.pipeline.decide import decide
from parallelrun_operator.pipeline.gather import Gatherer

#: A job that a quota left no room for is tried again after so long.
AGAIN_SECONDS = 20.0


class Looker:
    """Looks at pipelines and runs; at one and the same not twice at a time."""

    def __init__(self, cache: Cache, gatherer: Gatherer, applier: Applier) -> None:
        self._cache, self._gatherer, self._applier = cache, gatherer, applier
        self._refused: dict[Key, dict[str, str]] = {}
        self._hindered: dict[Key, dict[str, tuple[str, float]]] = {}  # (why, when)

    async def look(self, key: Key) -> float | None:
        """Seconds until the next look is wanted (None: when something changes). Raises KubeError and NotLeading."""
        obj = self._cache.get(key)
        if obj is None:
            self.forget(key)
            return None
        if "deletionTimestamp" in obj["metadata"]:
            return None
        decision = await self._decide(key)
        try:
            for action in decision.actions:
                await self._carry_out(key, action)
        except Outdated:
            return 0.0
        return decision.look_again

    def forget(self, key: Key) -> None:
        """It is no more."""
        self._refused.pop(key, None)
        self._hindered.pop(key, None)
        self._applier.forget(key)

    async def _decide(self, key: Key) -> Decision:
        if key.kind is PIPELINES:
            return schedule.decide(self._gatherer.schedule_world(key))
        now = _now()
        known = self._hindered.get(key, {})
        hindered = {step: why for step, (why, when) in known.items() if now - when < AGAIN_SECONDS}
        return decide(await self._gatherer.run_world(key, self._refused.get(key, {}), hindered))

    async def _carry_out(self, key: Key, action: Action) -> None:
        try:
            await self._applier.carry_out(key, (action,))
        except (errors.Invalid, errors.Forbidden) as error:
            if not isinstance(action, Create) or action.obj["kind"] != PARALLEL_RUN_JOBS.kind:
                raise
            step = action.obj["metadata"]["labels"][LABEL_STEP]
            if isinstance(error, errors.Invalid):
                self._refused.setdefault(key, {})[step] = error.message
            else:
                self._hindered.setdefault(key, {})[step] = error.message, _now()
            raise Outdated(f"the job of step {step} was refused") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
