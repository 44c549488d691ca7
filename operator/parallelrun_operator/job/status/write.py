"""When status is written, and which Events go with it: at once for what changed, rarely for mere progress.

Events stand beside the write that records the transition they tell of, so that none is told again after a restart.
"""

from __future__ import annotations

import json
from typing import Any

from parallelrun.api.conditions import COMPLETE, FAILED, STALLED
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Announce, SetStatus
from parallelrun_operator.job.policies.case import Step
from parallelrun_operator.job.status import phase
from parallelrun_operator.job.status.compose import old_status
from parallelrun_operator.job.status.conditions import holds
from parallelrun_operator.job.world import World

Json = dict[str, Any]

PROGRESS_SECONDS = 10.0
_PROGRESS = ("progress", "timeLeft", "miniBatches", "items", "nodes", "firstErrors")


def write(world: World, new: Json) -> Step:
    """Write ``new``, unless it is there or may wait."""
    new = printable(new)
    old, now, written = old_status(world), world.now, world.memory.status_written
    if same(new, old):
        return Step()
    left = 0.0 if written is None else written + PROGRESS_SECONDS - now
    if _outline(old) == _outline(new) and left > 0:
        return Step((), {}, left)
    return Step((SetStatus(new), *_announced(old, new)), {"status_written": now})


def same(one: Json, other: Json) -> bool:
    """Whether two statuses say the same; the API server adds the definition's defaults, and we leave them out."""
    return bool(_said_of(one) == _said_of(other))


def printable(status: Json) -> Json:
    """``status`` as the API server gives it back: names of files and tracebacks may hold what is no UTF-8."""
    return dict(json.loads(json.dumps(status, ensure_ascii=False).encode("utf-8", "replace")))


def _outline(status: Json) -> Json:
    """``status`` without what changes all the time."""
    conditions = [{**one, "message": ""} for one in status.get("conditions") or ()]
    rest = {name: value for name, value in status.items() if name not in _PROGRESS}
    return dict(_said_of({**rest, "conditions": conditions}))


def _said_of(value: Any) -> Any:
    """``value`` without what is empty in it."""
    if isinstance(value, list):
        return [_said_of(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = ((name, _said_of(one)) for name, one in value.items())
    return {name: one for name, one in found if one not in (None, "", {}, [])}


def _announced(old: Json, new: Json) -> list[Announce]:
    before, after = old.get("phase", ""), new["phase"]
    events = []
    total = new.get("miniBatches", {}).get("total")
    if total is not None and (old.get("miniBatches") or {}).get("total") is None:
        events.append(Announce("Normal", "Planned", f"{total} mini-batches"))
    if after == Phase.RUNNING.value and before in ("", phase.PENDING, Phase.PLANNING.value):
        events.append(Announce("Normal", "Running", "mini-batches are being run"))
    if after == phase.SUSPENDED != before:
        events.append(Announce("Normal", "Suspended", "spec.suspend is true and no node works any more"))
    if before == phase.SUSPENDED != after and after not in (Phase.DONE.value, Phase.ABORTED.value):
        events.append(Announce("Normal", "Resumed", "spec.suspend is false"))
    for kind, type_ in ((COMPLETE, "Normal"), (FAILED, "Warning"), (STALLED, "Warning")):
        told = kind == STALLED and holds(new, FAILED)
        if holds(new, kind) and not told and _reason(new, kind) != _reason(old, kind):
            events.append(Announce(type_, kind, _said(new, kind)))
    return events


def _reason(status: Json, kind: str) -> str:
    """Of a condition that holds; else ""."""
    return next(
        (one["reason"] for one in status.get("conditions") or () if one["type"] == kind and holds(status, kind)), ""
    )


def _said(status: Json, kind: str) -> str:
    one = next(one for one in status["conditions"] if one["type"] == kind)
    return f"{one['reason']}: {one['message']}" if kind != COMPLETE else one["message"]
