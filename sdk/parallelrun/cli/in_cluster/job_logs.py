"""`logs` of a job in a cluster: of its pods while it goes on, of the files on its volume else."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from parallelrun.api import exit_codes, pod_layout
from parallelrun.cli import logs as local_logs
from parallelrun.cli.in_cluster.files import with_files
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import is_terminal, printable, tell
from parallelrun.cluster import job_files, jobs, reader
from parallelrun.cluster.job_files import JobFiles
from parallelrun.cluster.pod_logs import PodLogs, shown
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Kube


def logs(target: InCluster, args: argparse.Namespace) -> int:
    """Print them; the exit code."""
    of_files = args.mini_batch is not None or args.failed or args.stderr
    if not of_files:
        printed = talk(target.place, lambda kube: _of_pods(kube, target.name, args))
        if printed is not None:
            if not printed:
                tell("No pod has printed anything yet.")
            return exit_codes.DONE
    return _of_files(target, args)


async def _of_pods(kube: Kube, name: str, args: argparse.Namespace) -> int | None:
    """How many lines were printed; None where the job is over: its pods are gone."""
    job = await jobs.read(kube, name)
    if job.over:
        return None
    container = pod_layout.AGENT if args.sys else pod_layout.WORKER
    source = PodLogs(kube, job, container, lambda node: args.node in (None, node), args.tail)
    printed = 0
    several = int(job.spec.get("nodeCount") or 1) > 1
    async with aclosing(source.lines(args.follow)) as lines:
        async for line in lines:
            text = shown(line, args.process, several)
            if text is not None:
                printed += 1
                print(printable(text) if is_terminal(sys.stdout) else text, flush=True)
    return printed


def _of_files(target: InCluster, args: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
        folder = Path(scratch) / target.name
        places = with_files(target, args.image, _fetching(folder, args))
        return local_logs.show(folder, args, places)


def _fetching(
    folder: Path, args: argparse.Namespace
) -> Callable[[reader.Reader, JobFiles], Awaitable[local_logs.Places | None]]:
    async def fetch(pod: reader.Reader, files: JobFiles) -> local_logs.Places | None:
        places = None
        if args.mini_batch is not None or args.failed:
            await job_files.fetch_failures(pod, files, folder, lambda _: None)
            places = local_logs.places_of(folder, args.mini_batch, args.failed, files.job.name)
        nodes = {args.node} if args.node is not None else None if places is None else {place[0] for place in places}
        names = job_files.log_names(local_logs.kinds(args), nodes)
        await job_files.fetch_names(pod, files, names, folder, lambda _: None)
        return places

    return fetch
