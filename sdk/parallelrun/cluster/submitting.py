"""Gives a submission to the API server, and what it refuses back to people, field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun.api.models.job import KIND
from parallelrun.api.problems import NOTHING, Problem, report
from parallelrun.cluster import packing
from parallelrun.cluster.jobs import Job, Observed
from parallelrun.cluster.reader import owner_reference
from parallelrun.cluster.submission import Submission
from parallelrun.kube import errors
from parallelrun.kube.client import APPLY, Json, Kube
from parallelrun.kube.resources import ALL, CONFIG_MAPS, PARALLEL_RUN_JOBS, Resource

MANAGER = "parallelrun-submit"
CREATED, CHANGED, UNCHANGED = "submitted", "changed", "unchanged"
_TRIES = 5
#: ``Invalid value: "x": the rule``, as the API server words a cause.
_KINDS = "Invalid value|Unsupported value|Required value|Forbidden|Too long|Too many"
_VALUE = r'"(?:[^"\\]|\\.)*"|-?\d[\w.]*|true|false|null'
_CAUSE = re.compile(rf"^(?:{_KINDS})(?:: ({_VALUE}))?: (.*)$", re.DOTALL)


@dataclass(frozen=True)
class Submitted:
    """A job as it is now, and what became of it."""

    job: Job
    what: str  # CREATED | CHANGED | UNCHANGED


async def submit(kube: Kube, submission: Submission, dry_run: bool = False) -> Submitted:
    """Apply all of it; the source goes with the job from then on. Raises ManifestError and KubeError."""
    for one in submission.others:
        await _apply(kube, one, dry_run)
    if submission.source is not None:
        await _apply(kube, submission.source, dry_run)
    before = await _existing(kube, submission.job)
    job = Job(await _apply(kube, submission.job, dry_run))
    if submission.source is not None and not dry_run:
        await own(kube, submission.source, job)
    if before is None:
        return Submitted(job, CREATED)
    same = before["metadata"].get("generation") == job.obj["metadata"].get("generation")
    return Submitted(job, UNCHANGED if same else CHANGED)


async def create(kube: Kube, value: Json) -> Job:
    """Create a job, which must not exist. Raises ManifestError, and Conflict where it does."""
    try:
        return Job(await kube.create(value))
    except errors.Invalid as error:
        raise refused(value, error) from error


async def apply(kube: Kube, value: Json, dry_run: bool = False) -> Json:
    """Server-side apply of any object. Raises ManifestError where the API server refuses it."""
    return await _apply(kube, value, dry_run)


async def put_source(kube: Kube, config_map: Json) -> None:
    """Apply the ConfigMap of a packed source, which a job is to be created for."""
    await _apply(kube, config_map, False)


async def share_source(kube: Kube, job: Job) -> None:
    """Where ``job`` has the packed source of an earlier job: keep it for as long as either is there."""
    name = str((job.spec.get("source") or {}).get("configMap", {}).get("name") or "")
    try:
        there = await kube.get(CONFIG_MAPS, job.namespace, name) if name else {}
    except errors.NotFound:  # the operator says so, and goes on when somebody brings it back
        return
    if (there.get("metadata") or {}).get("labels", {}).get(packing.COMPONENT) == packing.SOURCE:
        await own(kube, there, job)


async def own(kube: Kube, config_map: Json, job: Observed) -> None:
    """Make the ConfigMap go when ``job`` (or a pipeline, or a run of one), and every other that owns it, is gone.

    It may be on its way out with an earlier owner: then it is made anew.
    """
    meta = config_map["metadata"]
    for _ in range(_TRIES):
        try:
            there = await kube.get(CONFIG_MAPS, meta["namespace"], meta["name"])
            owners = there["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == job.uid for owner in owners):
                return
            version = there["metadata"]["resourceVersion"]
            patch = {"metadata": {"ownerReferences": [*owners, owner_reference(job)], "resourceVersion": version}}
            await kube.patch(CONFIG_MAPS, meta["namespace"], meta["name"], patch)
        except errors.Conflict:
            continue
        except errors.NotFound:
            await _apply(kube, config_map, False)
            continue
        return
    raise errors.Unavailable(f"ConfigMap {meta['name']} is changed by others all the time: submit the job again")


async def _existing(kube: Kube, value: Json) -> Json | None:
    try:
        return await kube.get(PARALLEL_RUN_JOBS, value["metadata"]["namespace"], value["metadata"]["name"])
    except errors.NotFound:
        return None


async def _apply(kube: Kube, value: Json, dry_run: bool) -> Json:
    resource = await _resource(kube, value)
    meta = value["metadata"]
    path = resource.path(meta.get("namespace") if resource.namespaced else None, meta["name"])
    query = {"fieldManager": MANAGER, "force": "true", "dryRun": "All" if dry_run else ""}
    try:
        return await kube.request("PATCH", path, query, value, APPLY)
    except errors.Invalid as error:
        raise refused(value, error) from error


async def _resource(kube: Kube, value: Json) -> Resource:
    """The kind of an object, looked up in the cluster where it is none that we know."""
    api, kind = str(value.get("apiVersion")), str(value.get("kind"))
    known = next((one for one in ALL if (one.api_version, one.kind) == (api, kind)), None)
    if known is not None:
        return known
    group, _, version = api.rpartition("/")
    try:
        answer = await kube.request("GET", f"/apis/{api}" if group else f"/api/{version}")
    except errors.NotFound:
        answer = {}
    for one in answer.get("resources") or []:
        if one["kind"] == kind and "/" not in one["name"]:
            return Resource(group, version, one["name"], kind, bool(one["namespaced"]))
    raise ManifestError(
        f"The cluster knows no {kind} of {api}, which stands beside the job.", "Install its definition, or take it out."
    )


def refused(value: Json, error: errors.Invalid) -> ManifestError:
    """What the API server has against an object, as ``parallelrun validate`` words it."""
    name = f"{value.get('kind')} {value['metadata']['name']}"
    if value.get("kind") == KIND:
        name = f"{value['metadata']['namespace']}/{value['metadata']['name']}"
    problems = [_problem(cause) for cause in error.causes] or [Problem((), error.message)]
    found = report(name, problems)
    if any("cannot change" in problem.rule for problem in problems):
        found.hint = (
            "A job runs once as it was created. Submit it under another name (--set metadata.name=NAME, or "
            "metadata.generateName in the manifest), or delete it first: parallelrun delete "
            f"{value['metadata']['name']}"
        )
    return found


def _problem(cause: errors.Cause) -> Problem:
    match = _CAUSE.match(cause.message)
    shown, rule = (match[1], match[2]) if match else (None, cause.message)
    path = () if cause.field in ("", "<nil>") else (cause.field,)
    return Problem(path, rule.removeprefix(f"{cause.field} in body "), value=_shown(shown))


def _shown(text: str | None) -> Any:
    """The value of a cause, which the API server quotes; whole objects say nothing."""
    if text is None or text in ('"object"', '"array"', "object"):
        return NOTHING
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
