"""`submit`, and `rerun` of a job in a cluster."""

from __future__ import annotations

import argparse
import copy
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import checks, exit_codes, overrides, source_files
from parallelrun.api.errors import RunFolderError
from parallelrun.api.models.job import KIND
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.problems import report
from parallelrun.cli.in_cluster import following
from parallelrun.cli.in_cluster.looking import plain
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import give, tell
from parallelrun.cluster import jobs, submission, submitting
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.cluster.submission import Submission
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube

#: Fields that are about the earlier job's life, not about what it does.
_OWN_LIFE = ("suspend", "cancel", "rerunOf")
_RERUN = re.compile(r"-rerun-(\d+)$")
_NAME_LIMIT = 63
_TRIES = 1000


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

    async def work(kube: Kube) -> Job:
        earlier = await jobs.read(kube, target.name)
        if not earlier.over:
            raise RunFolderError(
                f"Job {earlier.name} is not over: its phase is {earlier.phase}.",
                f"Wait for it or cancel it: parallelrun cancel {earlier.name} -n {earlier.namespace}",
            )
        return await _created(kube, again(earlier, args.failed, args.sets), earlier, args.source)

    job = talk(target.place, work)
    return _submitted(job, submitting.CREATED, "name", args.watch, target.place)


def again(earlier: Job, failed_only: bool, sets: Sequence[str]) -> Json:
    """The manifest of a job that runs ``earlier`` again, with ``sets``. Raises ManifestError."""
    meta = earlier.obj["metadata"]
    kept = {key: meta[key] for key in ("namespace", "labels") if meta.get(key)}
    spec = {key: copy.deepcopy(value) for key, value in earlier.spec.items() if key not in _OWN_LIFE}
    spec["rerunOf"] = {"name": earlier.name, "failedOnly": failed_only}
    value: Json = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": next_name(earlier.name), **kept},
        "spec": spec,
    }
    given = overrides.parse(sets)
    for override in given:
        overrides.apply(value, override)
    if problems := checks.problems(value):
        raise report(f"rerun of {earlier.name}", problems)
    return value


def next_name(name: str) -> str:
    """``mnist-rerun-1`` of ``mnist``, ``mnist-rerun-2`` of that."""
    match = _RERUN.search(name)
    number = int(match[1]) + 1 if match else 1
    suffix = f"-rerun-{number}"
    return _RERUN.sub("", name)[: _NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


async def _created(kube: Kube, value: Json, earlier: Job, folder: Path | None) -> Job:
    """Create it under the first name that is free; its source is its own, or the one that the earlier job had."""
    packed = _packed(value, folder)
    if packed is not None:
        await submitting.put_source(kube, packed)
        value["spec"]["source"] = {"configMap": {"name": packed["metadata"]["name"]}}
    asked = value["metadata"]["name"] != next_name(earlier.name)
    for _ in range(_TRIES):
        try:
            job = await submitting.create(kube, value)
            break
        except errors.Conflict as error:
            if asked:
                raise errors.Conflict(
                    f'There is a job "{value["metadata"]["name"]}" already.', error.status, hint="Choose another name."
                ) from error
            value["metadata"]["name"] = next_name(value["metadata"]["name"])
    else:
        raise RunFolderError(f"{earlier.name} was run again {_TRIES} times: every name is taken.")
    if packed is not None:
        await submitting.own(kube, packed, job)
    else:
        await submitting.share_source(kube, job)
    return job


def _packed(value: Json, folder: Path | None) -> Json | None:
    if folder is None:
        return None
    meta = value["metadata"]
    checked = source_files.folder("--source", folder.absolute())
    return submission.pack(checked, value["spec"]["entryScript"], meta["name"], meta["namespace"])
