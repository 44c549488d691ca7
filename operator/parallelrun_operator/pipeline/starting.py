"""The job of a step that starts now; or what becomes of the step where there can be none, or where none is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parallelrun.api import shape
from parallelrun.api.errors import ManifestError
from parallelrun.api.problems import dotted
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS
from parallelrun.pipelines import check, compile
from parallelrun.pipelines.states import FAILED, RUNNING, WAITING
from parallelrun_operator.job.status.conditions import stamp
from parallelrun_operator.pipeline import names, reuse, steps
from parallelrun_operator.pipeline.begun import Begun
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]

#: A job has no more of spec.reuseOf.
MOST_CANDIDATES = 16


def start(world: RunWorld, begun: Begun, step: str, now: Mapping[str, Json]) -> tuple[Json, Json | None]:
    """(the step's status, the job to create); no job where the step is over at once, or has to wait."""
    if step in world.refused:
        return steps.ended(world, step, FAILED, f"the API server refuses its job: {world.refused[step]}"), None
    try:
        spec = _spec(world, begun, step, now)
    except ManifestError as error:
        return steps.ended(world, step, FAILED, str(error)), None
    taken = reuse.taken_over(world, begun, step, spec, now)
    if taken is not None:
        return taken, None
    if step in world.others:
        return _in_the_way(world, step, world.others[step]), None
    if step in world.hindered:
        why = steps.cut(f"{steps.FAILED_CREATE}: {world.hindered[step]}")
        return {"name": step, "phase": WAITING, "message": why}, None
    job = _job(world, step, {**spec, **_earlier(world, begun, step, spec, now)})
    return {"name": step, "phase": RUNNING, "job": job["metadata"]["name"], "startTime": stamp(world.clock)}, job


def outputs_of(now: Mapping[str, Json]) -> dict[str, Mapping[str, str]]:
    """Where each step's outputs are, of those that succeeded."""
    return {name: one.get("outputs") or {} for name, one in now.items()}


def _spec(world: RunWorld, begun: Begun, step: str, now: Mapping[str, Json]) -> Json:
    folder_of = names.folder_of(world.run, begun.claim)
    spec = compile.job_spec(begun.spec, step, begun.parameters, outputs_of(now), folder_of)
    spec = shape.without_nulls(spec)
    found = check.of_job(spec, names.job_of(world.run, step))
    if found:
        own = next(one for one in begun.spec["steps"] if one["name"] == step)
        lines = [f"{dotted(check.path_in_step(own, problem.path))}: {problem.rule}" for problem in found]
        raise ManifestError("\n".join(lines))
    return dict(spec)


def _earlier(world: RunWorld, begun: Begun, step: str, spec: Json, now: Mapping[str, Json]) -> Json:
    """What the job may have from earlier ones: the mini-batches that succeeded, or all of it."""
    failed = reuse.failed_job(world, begun, step, spec, now)
    if failed:
        return {"rerunOf": {"name": failed, "failedOnly": True}}
    own = next(one for one in begun.spec["steps"] if one["name"] == step)
    if not own.get("allowReuse", True) or world.spec.get("regenerateOutputs") or "reuseOf" in spec:
        return {}
    candidates = reuse.candidates(world, begun, step, now)[:MOST_CANDIDATES]
    return {"reuseOf": candidates} if candidates else {}


def _job(world: RunWorld, step: str, spec: Json) -> Json:
    return {
        "apiVersion": PARALLEL_RUN_JOBS.api_version,
        "kind": PARALLEL_RUN_JOBS.kind,
        "metadata": {
            "name": names.job_of(world.run, step),
            "namespace": world.namespace,
            "labels": names.labels(world.run, step),
            "ownerReferences": [names.owner(world.run)],
        },
        "spec": spec,
    }


def _in_the_way(world: RunWorld, step: str, other: Json) -> Json:
    """A job has the name already: of a run that was deleted, and so it goes by itself; or somebody's, for good."""
    meta = other["metadata"]
    owners = meta.get("ownerReferences") or ()
    if meta.get("deletionTimestamp") or any(
        (owner["kind"], owner["name"]) == (PIPELINE_RUNS.kind, world.name) for owner in owners
    ):
        return {"name": step, "phase": WAITING, "message": f"waits until the earlier job {meta['name']} is gone"}
    message = f"there is a ParallelRunJob {meta['name']} already, which is not of this run: delete it, or name the run "
    return steps.ended(world, step, FAILED, message + "otherwise")
