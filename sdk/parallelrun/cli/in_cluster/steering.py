"""`suspend`, `resume`, `cancel` and `delete` of a job in a cluster."""

from __future__ import annotations

import asyncio

from parallelrun.api import exit_codes
from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.api.errors import RunFolderError
from parallelrun.cli.in_cluster import pipeline_runs
from parallelrun.cli.in_cluster.either import either
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import tell
from parallelrun.cluster import jobs, reader, transfer
from parallelrun.cluster.job_files import look_of
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PODS

#: Seconds that a deleted job's pods are given to end before its files are removed.
_PODS_SECONDS = 300.0
_MOUNTED = "/parallelrun/jobs"


def steer(target: InCluster, done: str, **spec: bool) -> int:
    """Set fields of the spec of a job, or of a pipeline's run, and say what was ``done``; the exit code.

    Raises RunFolderError where it is over.
    """
    return either(target, lambda: _steer(target, done, **spec), lambda: pipeline_runs.steer(target, done, **spec))


def _steer(target: InCluster, done: str, **spec: bool) -> int:
    job = talk(target.place, lambda kube: jobs.steer(kube, target.name, **spec))
    tell(f"{job.namespace}/{job.name}: {done}; {job.status.get('progress') or job.phase.lower()}")
    return exit_codes.DONE


def delete(target: InCluster, results: bool, image: str | None) -> int:
    """Delete the job, and with ``results`` its folder on the volume, or a pipeline's run; the exit code."""
    return either(target, lambda: _delete(target, results, image), lambda: pipeline_runs.delete(target, results))


def _delete(target: InCluster, results: bool, image: str | None) -> int:
    async def work(kube: Kube) -> Job:
        job = await jobs.read(kube, target.name)
        look = await look_of(kube, job, image) if results else reader.Look()
        await kube.delete(PARALLEL_RUN_JOBS, job.namespace, job.name, uid=job.uid)
        if results:
            await _pods_gone(kube, job)
            await _remove_folder(kube, job, look)
        return job

    job = talk(target.place, work)
    kept = "with its files" if results else f"its files stay on claim {job.claim}, folder {job.folder}"
    tell(f"{job.namespace}/{job.name}: deleted, {kept}")
    return exit_codes.DONE


async def _pods_gone(kube: Kube, job: Job) -> None:
    """Wait until nothing can write to the job's folder any more."""
    try:
        async with asyncio.timeout(_PODS_SECONDS):
            while (await kube.list_objects(PODS, job.namespace, labels=f"{LABEL_JOB_UID}={job.uid}"))[0]:
                await asyncio.sleep(1)
    except TimeoutError:
        raise RunFolderError(
            f"Job {job.name} is deleted, but its pods still run after {_PODS_SECONDS:.0f} s: its files were left.",
            f"They are on claim {job.claim}, folder {job.folder}.",
        ) from None


async def _remove_folder(kube: Kube, job: Job, look: reader.Look) -> None:
    """By a pod that sees the namespace's folder on the volume, and nothing above it."""
    parent, _, name = job.folder.rpartition("/")
    mount = reader.Mount(job.claim, _MOUNTED, parent, writable=True)
    async with reader.reader(kube, reader.pod(job.namespace, [mount], look, None)) as pod:
        await transfer.delete(pod, f"{_MOUNTED}/{name}")
