"""Reads all that a decision about a pipeline or a run depends on: from what the watches saw, but for what they may show
late and what would be lost by taking it for gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from parallelrun.api.conditions import COMPLETE, LABEL_PIPELINE, LABEL_STEP
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS, PIPELINES, Resource
from parallelrun.pipelines.states import ENDED, GOOD
from parallelrun_operator.cache import Cache, Key
from parallelrun_operator.job.status.conditions import holds
from parallelrun_operator.pipeline import begun as beginnings
from parallelrun_operator.pipeline import names
from parallelrun_operator.pipeline.steps import over
from parallelrun_operator.pipeline.world import RunWorld, ScheduleWorld

Json = dict[str, Any]


class Gatherer:
    """Makes Worlds."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        self._kube, self._cache = kube, cache

    def schedule_world(self, key: Key) -> ScheduleWorld:
        """A pipeline, and the runs that it owns."""
        runs = [run for one, run in self._cache.owned(key).items() if one.kind is PIPELINE_RUNS]
        return ScheduleWorld(datetime.now(UTC), self._cache.looked_at[PIPELINES][key], runs)

    async def run_world(self, key: Key, refused: dict[str, str], hindered: dict[str, str]) -> RunWorld:
        """A run as it is now; ``refused`` and ``hindered`` as the World has them. Raises KubeError."""
        run = self._cache.looked_at[PIPELINE_RUNS][key]
        now = datetime.now(UTC)
        if over(run):
            return RunWorld(now, run)
        status, named = run.get("status") or {}, run["spec"].get("pipeline")
        earlier = await self._named(PIPELINE_RUNS, key, (run["spec"].get("rerunFailed") or {}).get("name"))
        begun = beginnings.of(status)
        if begun is None:
            pipeline = await self._named(PIPELINES, key, named["name"]) if named else None
            return RunWorld(now, run, pipeline=pipeline, earlier=earlier)
        wanted = [step["name"] for step in begun.spec["steps"]]
        jobs, others = await self._jobs(key, run, wanted)
        return RunWorld(
            now,
            run,
            earlier=earlier,
            jobs=jobs,
            earlier_jobs=self._earlier_jobs(key, run),
            failed_jobs=await self._failed_jobs(key, earlier),
            others=others,
            refused=refused,
            hindered=hindered,
        )

    async def _jobs(self, key: Key, run: Json, steps: Iterable[str]) -> tuple[dict[str, Json], dict[str, Json]]:
        """By step: the run's own jobs, and those of others that have the name that its own would have."""
        owned = self._cache.owned(key)
        found = {_label(job, LABEL_STEP): job for one, job in owned.items() if one.kind is PARALLEL_RUN_JOBS}
        others = {}
        recorded = {one["name"]: one for one in (run.get("status") or {}).get("steps") or ()}
        for step in steps:
            before = recorded.get(step) or {}
            if step in found or before.get("phase") in ENDED:
                continue
            # A job that another process made a moment ago would be taken for one that never was: to be asked for where
            # that would end the step.
            sure = bool(before.get("job")) or bool(run["spec"].get("cancel"))
            job = await self._named(PARALLEL_RUN_JOBS, key, names.job_of(run, step), ask=sure)
            if job is not None and _owned_by(job, key.uid):
                found[step] = job
            elif job is not None:
                others[step] = job
        return found, others

    def _earlier_jobs(self, key: Key, run: Json) -> dict[str, list[Json]]:
        """By step: jobs of other runs of the pipeline that succeeded, the newest first."""
        pipeline = names.pipeline_of(run)
        found: dict[str, list[Json]] = {}
        if not pipeline:
            return found
        for one, job in self._cache.jobs.items():
            if one.namespace != key.namespace or _label(job, LABEL_PIPELINE) != pipeline or _owned_by(job, key.uid):
                continue
            if holds(job.get("status") or {}, COMPLETE):
                found.setdefault(_label(job, LABEL_STEP), []).append(job)
        return {step: sorted(jobs, key=_ended, reverse=True) for step, jobs in found.items()}

    async def _failed_jobs(self, key: Key, earlier: Json | None) -> dict[str, Json]:
        """By step: the jobs of the run that this one goes on from, where they did not succeed."""
        found = {}
        for step in ((earlier or {}).get("status") or {}).get("steps") or ():
            if step.get("phase") not in GOOD:
                job = await self._named(PARALLEL_RUN_JOBS, key, step.get("job"), ask=False)
                if job is not None:
                    found[step["name"]] = job
        return found

    async def _named(self, kind: Resource, key: Key, name: str | None, ask: bool = True) -> Json | None:
        """The object of that name in the namespace; with ``ask`` also where the watch has not shown it."""
        if not name:
            return None
        uid = self._cache.uid_of(key.namespace, name, kind)
        if uid is not None:
            return self._cache.looked_at[kind][Key(key.namespace, name, uid, kind)]
        try:
            return await self._kube.get(kind, key.namespace, name) if ask else None
        except errors.NotFound:
            return None


def _label(obj: Json, name: str) -> str:
    return str((obj["metadata"].get("labels") or {}).get(name, ""))


def _owned_by(obj: Json, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences") or ())


def _ended(job: Json) -> str:
    """When it did, as it is written: these sort as times do."""
    return str((job.get("status") or {}).get("completionTime") or job["metadata"].get("creationTimestamp") or "")
