"""How a run begins: its own copy of the pipeline and its parameters, once; or why it does not."""

from __future__ import annotations

from typing import Any

from parallelrun.api import shape
from parallelrun.api.conditions import CANCELLED, MANIFEST_ERROR, WAITING_FOR_EARLIER_RUN
from parallelrun.api.errors import ManifestError
from parallelrun.pipelines import parameters
from parallelrun_operator.pipeline import checking, status, steps
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]

#: A pipeline that is not there wakes the run when it comes.
MISSING_SECONDS = 15.0
#: The next look, when the beginning is recorded.
SOON = 0.1
MISSING_PIPELINE, MISSING_RUN = "MissingPipeline", "MissingRun"


def begin(world: RunWorld) -> tuple[Json, float | None]:
    """(status, when to look again) of a run that has not begun."""
    if world.spec.get("cancel"):
        return status.refused(world, CANCELLED, "cancelled by spec.cancel before it began"), None
    pipeline = world.spec.get("pipelineSpec")
    if pipeline is None:
        name = world.spec["pipeline"]["name"]
        if world.pipeline is None:
            message = f"there is no ParallelRunPipeline {name} in namespace {world.namespace}"
            return status.waiting(world, MISSING_PIPELINE, f"{message}\nThe run begins by itself once it is there."), (
                MISSING_SECONDS
            )
        pipeline = world.pipeline["spec"]
    try:
        held_back = _earlier(world)
        if held_back is not None:
            return held_back, MISSING_SECONDS
        spec = shape.without_nulls({key: value for key, value in pipeline.items() if key != "schedule"})
        values = parameters.resolve(spec, world.spec.get("parameters") or {})
        checking.check(spec, values)
    except ManifestError as error:
        return status.refused(world, MANIFEST_ERROR, str(error)), None
    return status.begun(world, spec, values), SOON


def _earlier(world: RunWorld) -> Json | None:
    """The status of a run that waits for the end of the one that it goes on from. Raises ManifestError."""
    named = world.spec.get("rerunFailed")
    if not named:
        return None
    name = named["name"]
    if world.spec.get("regenerateOutputs"):
        raise ManifestError(
            "spec.regenerateOutputs: every step would run, and spec.rerunFailed takes over what succeeded.",
            "Leave out one of the two.",
        )
    if name == world.name:
        raise ManifestError(f"spec.rerunFailed.name: {name} is this run itself.", "Name the run that failed.")
    if world.earlier is None:
        raise ManifestError(
            f"spec.rerunFailed.name: the namespace {world.namespace} has no run {name}.",
            "See what is there: kubectl get parallelrunpipelineruns. Without rerunFailed the whole pipeline is run.",
        )
    if steps.over(world.earlier):
        return None
    message = f"waits for the end of run {name}, whose failures it runs again"
    return status.waiting(world, WAITING_FOR_EARLIER_RUN, message, stalled=False)
