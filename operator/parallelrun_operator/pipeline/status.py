"""The whole status of a run, as ``api/models/pipeline_status.py`` has it, with the conditions that a job has."""

from __future__ import annotations

from typing import Any

from parallelrun.api.conditions import (
    CANCELLED,
    COMPLETE,
    RUNNING,
    STALLED,
    STEP_FAILED,
    SUSPENDED,
    SUSPENDING,
)
from parallelrun.pipelines import states
from parallelrun.pipelines.states import Finish, RunState
from parallelrun_operator.job.status.conditions import Told, failed, merged, stamp
from parallelrun_operator.pipeline.begun import Begun
from parallelrun_operator.pipeline.steps import FAILED_CREATE, filled
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]

_MESSAGE_LIMIT = 8000


def refused(world: RunWorld, reason: str, message: str) -> Json:
    """Of a run that never begins."""
    phase = states.CANCELLED if reason == CANCELLED else states.FAILED
    return _status(world, phase, failed(reason, message), completionTime=stamp(world.clock))


def waiting(world: RunWorld, reason: str, message: str, stalled: bool = True) -> Json:
    """Of a run that begins when something else is there, or over."""
    told = {RUNNING: Told(False, reason, message)}
    if stalled:
        told[STALLED] = Told(True, reason, message)
    return _status(world, states.PENDING, told)


def begun(world: RunWorld, spec: Json, parameters: Json) -> Json:
    """Of a run whose pipeline and parameters are known from now on."""
    return _status(
        world,
        states.PENDING,
        {RUNNING: Told(False, states.PENDING, "its first steps are about to start")},
        pipelineSpec=spec,
        parameters=parameters,
        steps=[{"name": step["name"], "phase": states.WAITING} for step in spec["steps"]],
        progress=f"0/{len(spec['steps'])}",
        startTime=stamp(world.clock),
    )


def going_on(world: RunWorld, begun: Begun, state: RunState, steps: list[Json], finish: Finish | None) -> Json:
    """Of a run that has begun, or is over with this look."""
    phase = _phase(state) if finish is None else finish.phase
    told = _going_on(state, steps, phase) if finish is None else _over(finish, steps)
    return _status(
        world,
        phase,
        told,
        pipelineSpec=begun.spec,
        parameters=begun.parameters,
        steps=steps,
        progress=states.progress(state),
        startTime=world.status.get("startTime"),
        completionTime=None if finish is None else stamp(world.clock),
    )


def kept(world: RunWorld) -> Json:
    """Of a run that is over: as it was."""
    return {**world.status, "observedGeneration": _generation(world)}


def _phase(state: RunState) -> str:
    """Suspended only when no step works any more."""
    if state.suspend and not state.cancel and states.RUNNING not in state.phases.values():
        return states.SUSPENDED
    return states.RUNNING


def _going_on(state: RunState, steps: list[Json], phase: str) -> dict[str, Told]:
    if phase == states.SUSPENDED:
        said = "spec.suspend is true; the run goes on when it is false"
        return {RUNNING: Told(False, phase), SUSPENDED: Told(True, phase, said)}
    working = [one["name"] for one in steps if one["phase"] == states.RUNNING]
    running = Told(True, phase, ", ".join(working))
    if state.suspend and not state.cancel:
        running = Told(True, SUSPENDING, "steps finish what they run and hand back the rest")
    for one in steps:
        reason, _, message = one.get("message", "").partition(": ")
        if reason and (one["phase"] == states.RUNNING or reason == FAILED_CREATE):
            trouble = Told(True, reason, f"step {one['name']}: {message}")
            return {RUNNING: trouble, STALLED: trouble}
        if one["phase"] == states.WAITING and reason:
            running = Told(True, phase, f"step {one['name']} {one['message']}")
    return {RUNNING: running}


def _over(finish: Finish, steps: list[Json]) -> dict[str, Told]:
    if finish.phase == states.SUCCEEDED:
        return {RUNNING: Told(False, finish.phase), COMPLETE: Told(True, finish.phase, finish.message)}
    reason = CANCELLED if finish.phase == states.CANCELLED else STEP_FAILED
    why = [
        f"step {one['name']}: {one['message']}" for one in steps if one["phase"] == states.FAILED and one.get("message")
    ]
    return failed(reason, "\n".join([finish.message, *why])[:_MESSAGE_LIMIT])


def _status(world: RunWorld, phase: str, told: dict[str, Told], **rest: Any) -> Json:
    conditions = merged(world.status.get("conditions") or (), told, _generation(world), world.clock)
    return filled({"observedGeneration": _generation(world), "phase": phase, "conditions": conditions, **rest})


def _generation(world: RunWorld) -> int:
    return int(world.run["metadata"].get("generation", 1))
