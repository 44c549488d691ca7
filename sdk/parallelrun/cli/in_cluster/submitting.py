"""`submit`, and `rerun` of a job in a cluster."""

from __future__ import annotations

import argparse

from parallelrun.api import exit_codes
from parallelrun.cli.in_cluster import following, pipeline_runs
from parallelrun.cli.in_cluster.either import either
from parallelrun.cli.in_cluster.objects import give_objects, plain
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import tell
from parallelrun.cluster import rerunning, submission, submitting
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.cluster.submission import Submission
from parallelrun.kube.client import Kube


def submit(args: argparse.Namespace, place: Place) -> int:
    """Apply what ``args`` name; the exit code."""
    if args.dry_run == "client":
        made = submission.make(args.manifest, args.kustomize, args.sets, place.namespace, "default")
        give_objects(made.objects, args.format)
        return exit_codes.DONE

    async def work(kube: Kube) -> tuple[Submission, submitting.Submitted]:
        made = submission.make(args.manifest, args.kustomize, args.sets, place.namespace, kube.namespace)
        return made, await submitting.submit(kube, made, dry_run=args.dry_run == "server")

    made, submitted = talk(place, work)
    if args.dry_run == "server":
        tell(f"{made.namespace}/{submitted.job.name}: the API server would take it (dry run)")
        give_objects([*made.objects[:-1], plain(submitted.job)], args.format)
        return exit_codes.DONE
    return _submitted(submitted.job, submitted.what, args.format, args.watch, place)


def _submitted(job: Job, what: str, form: str, watch: bool, place: Place) -> int:
    phase = "" if what == submitting.CREATED else f"; its phase is {job.phase}"
    tell(f"{job.namespace}/{job.name}: {what}{phase}")
    give_objects([plain(job)], form)
    if not watch:
        if what == submitting.CREATED:
            tell(f"Follow it:        parallelrun watch {job.name} -n {job.namespace}")
        return exit_codes.DONE
    return following.watch(InCluster(job.name, Place(job.namespace, place.context, place.kubeconfig)), False)


def rerun(target: InCluster, args: argparse.Namespace) -> int:
    """Create a job, or a run of a pipeline, that runs an earlier one again; the exit code.

    Raises RunFolderError where that is not over.
    """
    return either(target, lambda: _rerun(target, args), lambda: pipeline_runs.rerun(target, args))


def _rerun(target: InCluster, args: argparse.Namespace) -> int:
    job = talk(target.place, lambda kube: rerunning.rerun(kube, target.name, args.failed, args.sets, args.source))
    return _submitted(job, submitting.CREATED, "name", args.watch, target.place)
