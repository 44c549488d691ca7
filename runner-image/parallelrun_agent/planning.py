"""The Planning phase: one agent is granted it, lists the input and publishes the plan, once."""

from __future__ import annotations

import logging
import time
from functools import partial

from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.api.layout import PLAN_PREFIX
from parallelrun.leases import header as headers
from parallelrun_agent.job import Job
from parallelrun_agent.output import owner, remote
from parallelrun_agent.stall import Stall

log = logging.getLogger(__name__)


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
            if url := remote.url_of(job.settings):
                is_done = partial(owner.is_done, job.folder, job.settings.uid)
                await run(remote.claim, job.storage, url, job.settings, is_done)
            plan = await run(make_plan, job.settings, job.folder, job.storage)
        except (ParallelRunError, OSError) as error:
            await self._abort(
                headers.INPUT_ERROR if isinstance(error, InputError) else headers.PLANNING_FAILED, str(error)
            )
            return True
        log.info("planned %d mini-batches in %.2f s: plan %s", plan.total, time.monotonic() - started, plan.sha256)
        changed = ""
        if header.plan is not None and header.plan != plan:
            old, new = (job.folder / f"{PLAN_PREFIX}{p.sha256}" for p in (header.plan, plan))
            changed = difference(old, new)
        await job.leases.update_header(lambda h: headers.publish_plan(h, grant, plan, changed))
        return True

    async def _abort(self, reason: str, message: str) -> None:
        text = self._job.shown(message)
        log.error("planning failed: %s", text)
        await self._job.leases.update_header(lambda h: (headers.abort(h, reason, text), None))
