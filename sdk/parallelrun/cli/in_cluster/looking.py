"""`list`, `get` and `doctor` of jobs in a cluster."""

from __future__ import annotations

import time
from typing import Any

from parallelrun.api import exit_codes
from parallelrun.cli import resolved
from parallelrun.cli.get import taken
from parallelrun.cli.in_cluster import pipeline_runs
from parallelrun.cli.in_cluster.either import either
from parallelrun.cli.in_cluster.objects import plain
from parallelrun.cli.tables import give_as
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import duration, plural, size, tell
from parallelrun.cluster import jobs
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Kube


def give_list(place: Place, everywhere: bool, form: str) -> int:
    """Print the jobs of the namespace, or of all; the exit code."""

    async def work(kube: Kube) -> tuple[list[Job], str]:
        return await jobs.read_all(kube, everywhere), kube.namespace

    found, namespace = talk(place, work)
    now = time.time()
    headings = ("NAMESPACE", "NAME", "PHASE", "PROGRESS", "FAILED", "LEFT", "AGE")[0 if everywhere else 1 :]
    rows = [_row(job, now)[0 if everywhere else 1 :] for job in found]
    give_as(form, [plain(job) for job in found], [job.name for job in found], headings, rows)
    if not found:
        tell("There is no job in the cluster." if everywhere else f"There is no job in namespace {namespace}.")
    return exit_codes.DONE


def _row(job: Job, now: float) -> tuple[object, ...]:
    status = job.status
    failed = (status.get("miniBatches") or {}).get("failed")
    phase = "Stalled" if job.stalled else job.phase
    age = duration(max(now - job.created, 0))
    return job.namespace, job.name, phase, status.get("progress") or None, failed, status.get("timeLeft") or None, age


def give_job(target: InCluster, form: str) -> int:
    """Print one job, or a pipeline's run; the exit code."""
    return either(target, lambda: _give_job(target, form), lambda: pipeline_runs.give_run(target, form))


def _give_job(target: InCluster, form: str) -> int:
    if form == "resolved":
        job, registered = talk(target.place, lambda kube: jobs.read_with_registered(kube, target.name))
        return resolved.give(job.obj, registered, (job.status.get("resolved") or {}))
    job = talk(target.place, lambda kube: jobs.read(kube, target.name))
    give_as(form, plain(job), [job.name], ("", ""), _facts(job))
    return exit_codes.DONE


def _facts(job: Job) -> list[tuple[str, object]]:
    status = job.status
    batches, items, nodes = (status.get(key) or {} for key in ("miniBatches", "items", "nodes"))
    facts: list[tuple[str, object]] = [("name", job.name), ("namespace", job.namespace), ("phase", job.phase)]
    if job.reason:
        facts.append(("reason", job.reason))
    lines = job.message.splitlines()
    facts += [("" if number else "message", line) for number, line in enumerate(lines)]
    facts += [("started", _local_time(status.get("startTime"))), ("ended", _local_time(status.get("completionTime")))]
    facts.append(("nodes", f"{nodes.get('running') or 0} of {nodes.get('wanted', job.spec.get('nodeCount', 1))}"))
    facts.append(("mini-batches", status.get("progress") or None))
    facts += [("  failed", batches.get("failed")), ("  retried", batches.get("retried"))]
    facts += [("items succeeded", items.get("succeeded")), ("items failed", items.get("failed"))]
    if status.get("timeLeft"):
        facts.append(("left", status["timeLeft"]))
    facts += taken(status.get("resolved") or {})
    if status.get("reusedFrom"):
        facts.append(("results of", status["reusedFrom"]))
    output = status.get("output") or {}
    if output.get("path"):
        facts.append(("output", output["path"]))
        facts.append(("  rows", plural(output.get("rows") or 0, "row") + ", " + size(output.get("bytes") or 0)))
    return facts


def _local_time(stamp: Any) -> str | None:
    seconds = jobs.unix_time(stamp)
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
