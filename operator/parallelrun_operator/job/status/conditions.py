"""Conditions: what `kubectl wait`, Flux, Argo CD and people go by.

They follow the header alone, but for Suspended and Stalled. Failed is told once the reports are written, so that who
waits for it finds them; until then the job runs with the reason Aborting. Beside Failed there is always Stalled, which
is what kstatus takes for a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from parallelrun.api import pod_layout
from parallelrun.api.conditions import (
    ABORTING,
    COMPLETE,
    CONDITION_TYPES,
    FAILED,
    INSTALLING_PACKAGES,
    QUEUED,
    REUSED,
    RUNNING,
    STALLED,
    SUSPENDED,
    SUSPENDING,
)
from parallelrun.leases.header import Phase
from parallelrun_operator.job.policies import pods, the_job
from parallelrun_operator.job.policies.case import Case
from parallelrun_operator.job.policies.diagnosis import Trouble
from parallelrun_operator.job.status import phase as phases

Json = dict[str, Any]

#: As the CRD has it.
_MESSAGE_LIMIT = 32_000


class Told(NamedTuple):
    """One condition's content."""

    holds: bool
    reason: str
    message: str = ""


_PENDING = Told(False, phases.PENDING, "waits for the first node to start")
_INSTALLING = Told(
    False, INSTALLING_PACKAGES, "installing packages: once, later jobs that list the same find them installed"
)


def told(case: Case, phase: str, trouble: Trouble | None) -> dict[str, Told]:
    """By type, every condition that holds, and Running."""
    header = case.header
    if header.phase is Phase.DONE:
        reason = REUSED if header.reused else phase
        return {RUNNING: Told(False, reason), COMPLETE: Told(True, reason, _outcome(case))}
    if header.phase is Phase.ABORTED:
        return failed(header.reason, header.message) if header.reported else {RUNNING: _aborting(case)}
    if phase == phases.SUSPENDED:
        said = "spec.suspend is true; the job goes on when it is false"
        return {RUNNING: Told(False, phase), SUSPENDED: Told(True, phase, said)}
    running = _held_back(case) or (_not_begun(case) if phase == phases.PENDING else Told(True, phase))
    if case.suspended:
        running = Told(running.holds, SUSPENDING, "nodes finish what they run and hand back the rest")
    if trouble is None:
        return {RUNNING: running}
    found = {RUNNING: Told(running.holds, trouble.reason, trouble.message)}
    return found | {STALLED: Told(True, trouble.reason, trouble.message)} if trouble.blocking else found


def failed(reason: str, message: str) -> dict[str, Told]:
    """The conditions of a job that failed."""
    return {
        RUNNING: Told(False, reason),
        FAILED: Told(True, reason, message),
        STALLED: Told(True, reason, message),
    }


def merged(old: Iterable[Json], new: Mapping[str, Told], generation: int, clock: datetime) -> list[Json]:
    """``new`` as the API has them; those of ``old`` that hold no more stay, as False."""
    before = {one["type"]: one for one in old}
    ending = new[RUNNING].reason
    return [
        _condition(kind, new.get(kind, Told(False, ending)), before.get(kind), generation, clock)
        for kind in CONDITION_TYPES
        if kind in new or kind in before
    ]


def _condition(kind: str, told: Told, before: Json | None, generation: int, clock: datetime) -> Json:
    status = "True" if told.holds else "False"
    changed = before is None or before["status"] != status
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": stamp(clock) if changed or before is None else before["lastTransitionTime"],
        "reason": told.reason,
        "message": told.message[:_MESSAGE_LIMIT],
    }


def stamp(clock: datetime) -> str:
    """A time as Kubernetes writes it, in seconds."""
    return clock.strftime("%Y-%m-%dT%H:%M:%SZ")


def holds(status: Json, kind: str) -> bool:
    """Whether ``status`` has condition ``kind``, as True."""
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or ())


def _held_back(case: Case) -> Told | None:
    """By a queue, which lets jobs in, and may send them away again."""
    child = case.world.child
    if case.queue and not case.holders and (child is None or the_job.suspended(child)):
        return Told(False, QUEUED, f"waits to be admitted by the queue {case.queue}")
    return None


def _not_begun(case: Case) -> Told:
    states = (one for some in case.living.values() for pod in some for one in pods.containers(pod))
    installs = any(name == pod_layout.ENVIRONMENT_INIT and "running" in state for name, state, _ in states)
    return _INSTALLING if installs else _PENDING


def _aborting(case: Case) -> Told:
    return Told(True, ABORTING, f"{case.header.reason}: {case.header.message}\nThe reports are being written.")


def _outcome(case: Case) -> str:
    if case.header.reused:
        return str(case.header.result.get("message", ""))
    counts = case.header.result.get("miniBatches", {})
    failures = counts.get("failed", 0)
    said = f"{counts.get('completed', 0)} mini-batches completed"
    return f"{said}, {failures} of them failed" if failures else said
