"""One replica of the operator: its watches, its part in the election, and its workers that look at what there is.

All of its tasks end together: whichever fails ends the process, which is then started again. Nothing is lost by that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any

from parallelrun.kube.client import Kube
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS, PIPELINES, Resource
from parallelrun_operator import leader as leading
from parallelrun_operator import pulse as pulses
from parallelrun_operator.cache import Cache, Key
from parallelrun_operator.config import Config
from parallelrun_operator.health import Health, Pages
from parallelrun_operator.job.apply import Applier, NotLeading
from parallelrun_operator.job.gather import Gatherer, Needs
from parallelrun_operator.job.look import Decide, Looker
from parallelrun_operator.leader import Leader
from parallelrun_operator.logs import JobLog
from parallelrun_operator.metrics import Metrics
from parallelrun_operator.pipeline.gather import Gatherer as PipelineGatherer
from parallelrun_operator.pipeline.look import Looker as PipelineLooker
from parallelrun_operator.pulse import Pulse
from parallelrun_operator.queueing import Queue
from parallelrun_operator.sight import Sight
from parallelrun_operator.watchdog import KINDS, Watchdog
from parallelrun_operator.watches import Watches

log = logging.getLogger(__name__)

#: A look that takes longer is given up and tried again: the API server may be away in the middle of one.
LOOK_SECONDS = 60.0
#: How often a replica notes whether it still leads and sees.
NOTE_SECONDS = 1.0


class Replica:
    """Everything of one process; ``run`` until it is cancelled."""

    def __init__(
        self,
        kube: Kube,
        config: Config,
        decide: Decide,
        needs: Needs,
        *,
        watch_through: Kube | None = None,
        pulse_pace: pulses.Pace | None = None,
        leader_pace: leading.Pace | None = None,
    ) -> None:
        """``watch_through``: another way to the API server for watches alone; it and the paces are for tests."""
        self._config = config
        self.metrics, self.cache = Metrics(), Cache()
        self._queue: Queue[Key] = Queue()
        self._pulse = Pulse([kind.plural for kind in KINDS], pulse_pace)
        self._watchdog = Watchdog(kube, config, self._pulse)
        self._leader = Leader(kube, config.namespace, config.identity, leader_pace)
        only = config.watch_namespaces
        self.sight = Sight(kube, self.cache, self._queue, self._watchdog, self.metrics, only)
        watched = tuple(sorted({*only, config.namespace})) if only else ()
        self._watches = Watches(watch_through or kube, self.sight, watched)
        self.sight.blind = self._watches.restart
        applier = Applier(kube, self.cache, self.metrics, self._leader.leading)
        applier.wake = self.sight.wake
        jobs = Looker(self.cache, Gatherer(kube, self.cache, config, needs), applier, decide, self._pulse)
        pipelines = PipelineLooker(self.cache, PipelineGatherer(kube, self.cache), applier)
        self._lookers: dict[Resource, Looker | PipelineLooker] = {
            PARALLEL_RUN_JOBS: jobs,
            PIPELINES: pipelines,
            PIPELINE_RUNS: pipelines,
        }
        self.health = Health(Pages(self.unhealthy, self.unready, self._metrics_text), config.port)

    async def run(self) -> None:
        """Until cancelled; raises LeadershipLost, or what a task failed with."""
        async with self.health:
            try:
                async with asyncio.TaskGroup() as tasks:
                    for name, task in self._tasks():
                        tasks.create_task(task, name=name)
            finally:
                with contextlib.suppress(asyncio.CancelledError):
                    await self._leader.resign()

    def unhealthy(self) -> str:
        """Why this process should be started again; "" where it should not."""
        return "; ".join(
            f"the watch of {kind} does not show what was written {self._pulse.pace.dead:g} s ago"
            for kind in self._pulse.dead(_now())
        )

    def unready(self) -> str:
        """Why this replica could not act; "" where it could."""
        return "" if self.sight.complete.is_set() else "not everything that is there has been seen yet"

    def _tasks(self) -> Iterable[tuple[str, Any]]:
        yield "watches", self._watches.run()
        yield "heartbeats", self._watchdog.run()
        yield "election", self._leader.run()
        yield "comparison", self.sight.compare()
        yield "notes", self._note()
        for number in range(self._config.workers):
            yield f"worker-{number}", self._work()

    async def _work(self) -> None:
        await self.sight.complete.wait()
        while True:
            await self._leader.until_leading()
            key, late = await self._queue.take()
            if not self._leader.leading():
                self._queue.done(key, 0.0)
                continue
            self.metrics.queue_seconds.observe(late)
            with self.metrics.look_seconds.time():
                await self._look(key)

    async def _look(self, key: Key) -> None:
        about = JobLog(log, key.namespace, key.name, key.uid)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                again = await self._lookers[key.kind].look(key)
        except NotLeading:
            self._queue.done(key, 0.0)
        except Exception as error:  # noqa: BLE001 - whatever one of them is about, it must not stop the others
            self.metrics.look_errors.labels(type(error).__name__).inc()
            wait = self._queue.failed(key)
            said = str(error) or f"nothing came back within {LOOK_SECONDS:g} s"
            about.error("a look failed, the next is in %.1f s: %s: %s", wait, type(error).__name__, said)
            about.debug("it failed here", exc_info=error)
        else:
            self._queue.done(key, again)
            if self.cache.get(key) is None:
                self._queue.forget(key)

    async def _note(self) -> None:
        """Jobs are looked at anew when silence begins to mean something again, or when this replica begins to lead."""
        before = (False, False)
        while True:
            now = (self._leader.leading(), self._pulse.watching(_now()))
            if any(is_so and not was_so for is_so, was_so in zip(now, before, strict=True)):
                self.sight.wake_all()
            before = now
            await asyncio.sleep(NOTE_SECONDS)

    def _metrics_text(self) -> bytes:
        self.metrics.leader.set(self._leader.leading())
        self.metrics.queue_depth.set(len(self._queue))
        self.metrics.phases(self.cache.jobs.values(), self.cache.looked_at[PIPELINE_RUNS].values())
        for kind in KINDS:
            self.metrics.watch_age.labels(kind.plural).set(self._pulse.age(kind.plural, _now()))
        return self.metrics.text()


def _now() -> float:
    return asyncio.get_running_loop().time()
