"""`watch` and `wait` of a job in a cluster: the display of local runs, fed from the job's status and its Leases."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import aclosing

from parallelrun.api import exit_codes
from parallelrun.api.conditions import CONDITION_TYPES, LABEL_JOB_UID
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli.in_cluster import pipeline_runs
from parallelrun.cli.in_cluster.either import either
from parallelrun.cli.in_cluster.objects import plain
from parallelrun.cli.live import Display, choose, give_json
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import give, plural, size, tell
from parallelrun.cluster import jobs
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.session import talk
from parallelrun.cluster.snapshots import snapshot
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import LEASES
from parallelrun.local.endings import exit_code

#: Seconds between two looks at the nodes; more where there are many, whose lines are summed up anyway.
EVERY = 1.0
_NODES_A_SECOND = 50


def watch(target: InCluster, as_json: bool) -> int:
    """Show progress till the end; the exit code of the job, or of the pipeline's run."""
    return either(target, lambda: _watch(target, as_json), lambda: pipeline_runs.watch(target, as_json))


def _watch(target: InCluster, as_json: bool) -> int:
    display = choose(as_json)
    try:
        job = talk(target.place, lambda kube: _shown(kube, target.name, display))
    finally:
        display.close()
    return report(job, as_json)


async def _shown(kube: Kube, name: str, display: Display) -> Job:
    latest = await jobs.read(kube, name)
    drawing = asyncio.create_task(_draw(kube, lambda: latest, display))
    try:
        async with aclosing(jobs.follow(kube, name)) as found:
            async for latest in found:
                if latest.over:
                    return latest
    finally:
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
    raise RunFolderError(f"Job {name} was deleted.")


async def _draw(kube: Kube, latest: Callable[[], Job], display: Display) -> None:
    while True:
        job = latest()
        leases: list[Json] = []
        with contextlib.suppress(errors.Unavailable, errors.Forbidden):
            leases, _ = await kube.list_objects(LEASES, job.namespace, labels=f"{LABEL_JOB_UID}={job.uid}")
        display.progress(snapshot(latest(), leases, time.time()))
        await asyncio.sleep(max(EVERY, len(leases) / _NODES_A_SECOND))


def report(job: Job, as_json: bool) -> int:
    """Say how a job ended; its exit code."""
    if as_json:
        give_json({"type": "result", **plain(job)})
    tell("\n".join(_summary(job)))
    return exit_code(job.phase, job.reason)


def _summary(job: Job) -> list[str]:
    status, where = job.status, f"-n {job.namespace}"
    if not job.done:
        lines = [f"{job.name}: failed: {job.reason}: {job.message}" if job.message else f"{job.name}: {job.reason}"]
        return [*lines, f"What failed:      parallelrun failures {job.name} {where}"] if job.began else lines
    batches, output = status.get("miniBatches") or {}, status.get("output") or {}
    failed = f", {batches['failed']:,} failed" if batches.get("failed") else ""
    lines = [f"{job.name}: done: {plural(batches.get('total') or 0, 'mini-batch')}{failed}"]
    if output.get("path"):
        lines.append(f"  output  {plural(output.get('rows') or 0, 'row')}, {size(output.get('bytes') or 0)}")
        lines.append(f"Fetch it:         parallelrun results {job.name} {where} --to DIR")
    if failed:
        lines.append(f"What failed:      parallelrun failures {job.name} {where}")
    return lines


def wait(target: InCluster, condition: str | None, timeout: float | None) -> int:
    """Wait for the job's end, or for a condition; the exit code. Raises ManifestError for a condition unknown."""
    wanted = _condition(condition)
    return either(target, lambda: _wait(target, wanted, timeout), lambda: pipeline_runs.wait(target, wanted, timeout))


def _wait(target: InCluster, wanted: str | None, timeout: float | None) -> int:
    async def work(kube: Kube) -> int:
        latest: Job | None = None
        try:
            async with asyncio.timeout(timeout), aclosing(jobs.follow(kube, target.name)) as found:
                async for latest in found:
                    if wanted is not None and latest.is_true(wanted):
                        give(wanted)
                        return exit_codes.DONE
                    if latest.over:
                        give(latest.phase)
                        return _ended(latest, wanted)
        except TimeoutError:
            phase = latest.phase if latest is not None else "not known"
            tell(f"{target.name} still goes on after {timeout:g} seconds: {phase}.")
            return exit_codes.TIMED_OUT
        raise RunFolderError(f"Job {target.name} was deleted.")

    return talk(target.place, work)


def _ended(job: Job, wanted: str | None) -> int:
    """The exit code of a job that is over; one that never became what was waited for has failed to."""
    code = exit_code(job.phase, job.reason)
    if wanted is None:
        return code
    tell(f"{job.name} is over and was never {wanted}: {job.phase}.")
    return code if code != exit_codes.DONE else exit_codes.JOB_FAILED


def _condition(text: str | None) -> str | None:
    if text is None:
        return None
    name = text.removeprefix("condition=")
    known = next((kind for kind in CONDITION_TYPES if kind.lower() == name.lower()), None)
    if known is None:
        raise ManifestError(f"--for {text}: there is no such condition.", f"One of: {', '.join(CONDITION_TYPES)}")
    return known
