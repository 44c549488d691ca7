"""Events about a run: what its new status tells that the old one did not."""

from __future__ import annotations

from typing import Any

from parallelrun.api.conditions import COMPLETE, FAILED, STALLED
from parallelrun.pipelines import states
from parallelrun_operator.job.actions import Announce
from parallelrun_operator.job.status.conditions import holds

Json = dict[str, Any]

_OF_STEPS = {
    states.SUCCEEDED: ("Normal", "StepSucceeded"),
    states.REUSED: ("Normal", "StepReused"),
    states.FAILED: ("Warning", "StepFailed"),
}


def announced(old: Json, new: Json) -> list[Announce]:
    """To be told beside the write of ``new``, so that none is told again after a restart."""
    before = {one["name"]: one["phase"] for one in old.get("steps") or ()}
    events = []
    for one in new.get("steps") or ():
        if one["phase"] in _OF_STEPS and before.get(one["name"]) != one["phase"]:
            events.append(Announce(*_OF_STEPS[one["phase"]], _said(one)))
    for kind, level in ((COMPLETE, "Normal"), (FAILED, "Warning"), (STALLED, "Warning")):
        told = kind == STALLED and holds(new, FAILED)
        if holds(new, kind) and not told and not holds(old, kind):
            events.append(Announce(level, kind, _message(new, kind)))
    return events


def _said(step: Json) -> str:
    name = f"step {step['name']}"
    if step["phase"] == states.REUSED:
        return f"{name}: taken over from {step['reusedFrom']}"
    return f"{name}: {step['message']}" if step.get("message") else name


def _message(status: Json, kind: str) -> str:
    one = next(one for one in status["conditions"] if one["type"] == kind)
    return str(one["message"]) if kind == COMPLETE else f"{one['reason']}: {one['message']}"
