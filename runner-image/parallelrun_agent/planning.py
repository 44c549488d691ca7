"""The Planning phase: one agent is granted it, lists the input and publishes the plan, once.

Where an earlier job made the same, and all of it is still there, that is published instead, and nothing is run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.api.layout import PLAN_PREFIX
from parallelrun.leases import header as headers
from parallelrun.leases.header import Header, Plan
from parallelrun_agent.job import Job
from parallelrun_agent.output import owner, remote
from parallelrun_agent.stall import Stall

log = logging.getLogger(__name__)

#: Calls a function with its arguments in a thread, and again while a volume is full, or a store is away.
Run = Callable[..., Awaitable[Any]]


class Planning:
    """This agent's part in it."""

    def __init__(self, job: Job, stall: Stall) -> None:
        self._job, self._stall = job, stall

    async def step(self) -> bool:
        """Plan if it is this agent's turn; False: it is another's."""
        job = self._job
        header, grant = await job.leases.update_header(lambda h: headers.grant_planning(h, job.holder))
        if grant is None:
            return False
        from parallelrun_agent.plan import difference, make_plan

        started = time.monotonic()
        # On a laptop wrong credentials are said before anything runs; in a pod the Secret can be mended.
        run = self._stall.run_on_stores if job.settings.in_pod else self._stall.run
        try:
            if remote.url_of(job.settings):
                await self._claim(run, keep=bool(job.settings.reuse_of))
            plan = await run(make_plan, job.settings, job.folder, job.storage)
            fingerprint = await self._fingerprint(run, plan)
            reused = await self._reused(run, header, fingerprint)
        except (ParallelRunError, OSError) as error:
            await self._abort(
                headers.INPUT_ERROR if isinstance(error, InputError) else headers.PLANNING_FAILED, str(error)
            )
            return True
        log.info("planned %d mini-batches in %.2f s: plan %s", plan.total, time.monotonic() - started, plan.sha256)
        if reused:
            await job.leases.update_header(lambda h: headers.take_over(h, grant, plan, fingerprint, reused))
            return True
        changed = ""
        if header.plan is not None and header.plan != plan:
            old, new = (job.folder / f"{PLAN_PREFIX}{p.sha256}" for p in (header.plan, plan))
            changed = difference(old, new)
        await job.leases.update_header(lambda h: headers.publish_plan(h, grant, plan, changed, fingerprint))
        return True

    async def _claim(self, run: Run, keep: bool) -> None:
        """Make the output's place this job's; ``keep``: what is there may be what it takes over."""
        job = self._job
        is_done = partial(owner.is_done, job.folder, job.settings.uid)
        if url := remote.url_of(job.settings):
            await run(remote.claim, job.storage, url, job.settings, (lambda: True) if keep else is_done)
        elif not keep:
            from parallelrun_agent.output import finalize

            await run(finalize.claim, job.folder, job.settings)

    async def _fingerprint(self, run: Run, plan: Plan) -> str:
        from parallelrun_agent import fingerprint

        try:
            return str(await run(fingerprint.of_job, self._job, plan))
        except (ParallelRunError, OSError) as error:  # of side inputs and models, which whoever fetches them will say
            log.warning("no later job will take over what this one makes: %s", error)
            return ""

    async def _reused(self, run: Run, header: Header, fingerprint: str) -> dict[str, Any]:
        """What to take over. A job that was planned before goes on with what it has."""
        if not self._job.settings.reuse_of:
            return {}
        from parallelrun_agent import reuse

        found: dict[str, Any] = {} if header.plan is not None else await run(reuse.find, self._job, fingerprint)
        if not found:
            await self._claim(run, keep=False)
        return found

    async def _abort(self, reason: str, message: str) -> None:
        text = self._job.shown(message)
        log.error("planning failed: %s", text)
        await self._job.leases.update_header(lambda h: (headers.abort(h, reason, text), None))
