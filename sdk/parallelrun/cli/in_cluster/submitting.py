"""`submit`, and `rerun` of a job in a cluster."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import yaml

from parallelrun.api import exit_codes
from parallelrun.cli.in_cluster import following
from parallelrun.cli.in_cluster.looking import plain
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import give, tell
from parallelrun.cluster import rerunning, submission, submitting
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.cluster.submission import Submission
from parallelrun.kube.client import Json, Kube


def submit(args: argparse.Namespace, place: Place) -> int:
    """Apply what ``args`` name; the exit code."""
    if args.dry_run == "client":
        made = submission.make(args.manifest, args.kustomize, args.sets, place.namespace, "default")
        _give_objects(made.objects, args.format)
        return exit_codes.DONE

    async def work(kube: Kube) -> tuple[Submission, submitting.Submitted]:
        made = submission.make(args.manifest, args.kustomize, args.sets, place.namespace, kube.namespace)
        return made, await submitting.submit(kube, made, dry_run=args.dry_run == "server")

    made, submitted = talk(place, work)
    if args.dry_run == "server":
        tell(f"{made.namespace}/{submitted.job.name}: the API server would take it (dry run)")
        _give_objects([*made.objects[:-1], plain(submitted.job)], args.format)
        return exit_codes.DONE
    return _submitted(submitted.job, submitted.what, args.format, args.watch, place)


def _submitted(job: Job, what: str, form: str, watch: bool, place: Place) -> int:
    phase = "" if what == submitting.CREATED else f"; its phase is {job.phase}"
    tell(f"{job.namespace}/{job.name}: {what}{phase}")
    _give_objects([plain(job)], form)
    if not watch:
        if what == submitting.CREATED:
            tell(f"Follow it:        parallelrun watch {job.name} -n {job.namespace}")
        return exit_codes.DONE
    return following.watch(InCluster(job.name, Place(job.namespace, place.context, place.kubeconfig)), False)


def _give_objects(objects: Sequence[Json], form: str) -> None:
    if form == "name":
        give(str(objects[-1]["metadata"]["name"]))
    elif form == "json":
        whole: Any = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        give(json.dumps(whole, indent=2))
    else:
        give(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True).rstrip())


def rerun(target: InCluster, args: argparse.Namespace) -> int:
    """Create a job that runs an earlier one again; the exit code. Raises RunFolderError where that is not over."""
    job = talk(target.place, lambda kube: rerunning.rerun(kube, target.name, args.failed, args.sets, args.source))
    return _submitted(job, submitting.CREATED, "name", args.watch, target.place)
