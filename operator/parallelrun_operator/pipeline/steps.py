"""What each step of a run is: as its job says, and once it is over as the run's status has it, whatever becomes of the
job then.
"""

from __future__ import annotations

from typing import Any

from parallelrun.api import conditions
from parallelrun.api.conditions import COMPLETE, STALLED
from parallelrun.pipelines.states import (
    CANCELLED,
    ENDED,
    FAILED,
    GOOD,
    REUSED,
    RUNNING,
    SUCCEEDED,
    SUSPENDED,
    WAITING,
)
from parallelrun_operator.job.status.conditions import holds, stamp
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]

#: Why a step waits whose job the API server does not take now, as Kubernetes itself calls it.
FAILED_CREATE = "FailedCreate"
#: Steps have 64 messages in all, and an object 1.5 MB.
_MESSAGE_LIMIT = 4000


def of(world: RunWorld, spec: Json) -> dict[str, Json]:
    """The status of every step, by name, in the pipeline's order."""
    before = {one["name"]: one for one in world.status.get("steps") or ()}
    return {step["name"]: _of(world, step["name"], before.get(step["name"]) or {}) for step in spec["steps"]}


def of_job(world: RunWorld, step: str, job: Json, before: Json) -> Json:
    """The status of a step that has a job."""
    status = job.get("status") or {}
    phase = _phase(world, status)
    over = phase in ENDED
    found = {
        "name": step,
        "phase": phase,
        "job": job["metadata"]["name"],
        "reusedFrom": status.get("reusedFrom", "") if phase == REUSED else "",
        "startTime": before.get("startTime") or job["metadata"].get("creationTimestamp") or stamp(world.clock),
        "completionTime": (status.get("completionTime") or stamp(world.clock)) if over else None,
        "outputs": (status.get("outputs") or {}) if phase in GOOD else {},
        "message": _message(status),
    }
    return filled(found)


def ended(world: RunWorld, step: str, phase: str, message: str = "", **fields: object) -> Json:
    """The status of a step that is over without a job of its own."""
    now = stamp(world.clock)
    return filled({"name": step, "phase": phase, "completionTime": now, "message": cut(message), **fields})


def filled(fields: Json) -> Json:
    """``fields`` that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def cut(message: str) -> str:
    """``message``, no longer than a status may be."""
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 3] + "..."


def over(run: Json) -> bool:
    """Whether a run, or a job, is over."""
    status = run.get("status") or {}
    return holds(status, COMPLETE) or holds(status, conditions.FAILED)


def _of(world: RunWorld, step: str, before: Json) -> Json:
    if before.get("phase") in ENDED:
        return before
    job = world.jobs.get(step)
    if job is not None:
        return of_job(world, step, job, before)
    return {"name": step, "phase": WAITING}


def _phase(world: RunWorld, status: Json) -> str:
    if holds(status, COMPLETE):
        return REUSED if status.get("reusedFrom") else SUCCEEDED
    if holds(status, conditions.FAILED):
        reason = _condition(status, conditions.FAILED).get("reason")
        return CANCELLED if world.spec.get("cancel") and reason == conditions.CANCELLED else FAILED
    return SUSPENDED if status.get("phase") == SUSPENDED else RUNNING


def _message(status: Json) -> str:
    """Why its job failed, or why it waits."""
    for kind in (conditions.FAILED, STALLED):
        if holds(status, kind):
            one = _condition(status, kind)
            return cut(f"{one['reason']}: {one.get('message') or ''}".rstrip(": "))
    return ""


def _condition(status: Json, kind: str) -> Json:
    return next((one for one in status.get("conditions") or () if one["type"] == kind), {})
