"""The whole status of a job, as ``api/models/status.py`` has it; what cannot be known any more is kept."""

from __future__ import annotations

from typing import Any

from parallelrun.api import pod_layout
from parallelrun.api.conditions import LABEL_JOB_UID, RUNNING, STALLED, WAITING_FOR_EARLIER_JOB
from parallelrun.leases.header import Phase
from parallelrun_operator.job.policies import pods
from parallelrun_operator.job.policies.case import Case
from parallelrun_operator.job.policies.diagnosis import Trouble
from parallelrun_operator.job.settings import Lacking
from parallelrun_operator.job.status import conditions, errors, phase, rate
from parallelrun_operator.job.status.conditions import stamp
from parallelrun_operator.job.status.places import as_url
from parallelrun_operator.job.world import World

Json = dict[str, Any]


def old_status(world: World) -> Json:
    """Status as it is."""
    return dict(world.job.get("status") or {})


def status_of(case: Case, trouble: Trouble | None, samples: rate.Samples) -> Json:
    """Of a job with a header."""
    world, old = case.world, old_status(case.world)
    word = phase.phase_of(case)
    told = conditions.told(case, word, trouble)
    parts: Json = {
        **_identity(world),
        "phase": word,
        "progress": _progress(case),
        "timeLeft": _time_left(case, word, samples),
        "conditions": conditions.merged(old.get("conditions") or (), told, _generation(world), world.clock),
        "miniBatches": _mini_batches(case),
        "items": _items(case),
        "nodes": {
            "wanted": 0 if case.suspended else case.node_count,
            "running": 0 if case.over else len(case.holders),
        },
        "startTime": old.get("startTime") or (stamp(world.clock) if phase.begun(case) else None),
        "completionTime": _completion_time(case, old),
        "output": _output(case),
        "outputs": dict(case.header.result.get("outputs") or {}),
        "fingerprint": case.header.fingerprint,
        "reusedFrom": case.header.reused.get("reusedFrom"),
        "resolved": _resolved(case, old),
        "firstErrors": errors.first_errors(case, old.get("firstErrors") or []),
    }
    return {name: value for name, value in parts.items() if value not in (None, "", {}, [])}


def refused(world: World, message: str, reason: str) -> Json:
    """Of a job that never begins, for its manifest is not right or it was cancelled."""
    told = conditions.failed(reason, message)
    old = old_status(world).get("conditions") or ()
    return {
        **_identity(world),
        "phase": Phase.ABORTED.value,
        "conditions": conditions.merged(old, told, _generation(world), world.clock),
        "completionTime": stamp(world.clock),
    }


def pending(world: World) -> Json:
    """Of a job whose objects are made now."""
    return _not_begun(world, phase.PENDING, "its objects are being made")


def waiting(world: World, message: str) -> Json:
    """Of a job that begins when another one is over."""
    return _not_begun(world, WAITING_FOR_EARLIER_JOB, message)


def lacking(world: World, what: Lacking) -> Json:
    """Of a job that names what is not registered yet."""
    reason = f"Missing{what.kind}"
    return _not_begun(world, reason, f"{what}\nThe job goes on by itself once it is there.", stalled=True)


def _not_begun(world: World, reason: str, message: str, stalled: bool = False) -> Json:
    old = old_status(world).get("conditions") or ()
    told = {RUNNING: conditions.Told(False, reason, message)}
    if stalled:
        told[STALLED] = conditions.Told(True, reason, message)
    merged = conditions.merged(old, told, _generation(world), world.clock)
    return {**_identity(world), "phase": phase.PENDING, "conditions": merged}


def kept(world: World) -> Json:
    """Of a job that is over and has no header any more: as it was."""
    return {**old_status(world), **_identity(world)}


def _identity(world: World) -> Json:
    return {"observedGeneration": _generation(world), "selector": f"{LABEL_JOB_UID}={world.uid}"}


def _generation(world: World) -> int:
    return int(world.job["metadata"].get("generation", 1))


def _progress(case: Case) -> str:
    counts = _mini_batches(case)
    return f"{counts['completed']}/{counts['total']}" if "total" in counts else ""


def _time_left(case: Case, word: str, samples: rate.Samples) -> str:
    if word != Phase.RUNNING.value or case.header.plan is None:
        return ""
    return rate.time_left(samples, case.world.now, case.tally.counts.completed, case.header.plan.total)


def _mini_batches(case: Case) -> Json:
    """The finalizer's counts once there are such: they are the table's."""
    if counts := case.header.result.get("miniBatches"):
        return {name: value for name, value in counts.items() if value is not None}
    counts = case.tally.counts
    total = {} if case.header.plan is None else {"total": case.header.plan.total}
    return {**total, "completed": counts.completed, "failed": counts.failed, "retried": counts.retried}


def _items(case: Case) -> Json:
    if items := case.header.result.get("items"):
        return dict(items)
    return {"succeeded": case.tally.counts.items_succeeded, "failed": case.tally.counts.items_failed}


def _completion_time(case: Case, old: Json) -> str | None:
    if not case.over:
        return None
    return old.get("completionTime") or case.header.result.get("completionTime") or stamp(case.world.clock)


def _output(case: Case) -> Json | None:
    output = case.header.result.get("output") or {}
    if output.get("path") is None:  # SummaryOnly, or aborted: there is none
        return None
    return {**output, "path": as_url(case.world.job, output["path"])}


def _resolved(case: Case, old: Json) -> Json:
    """What names stood for; with models that scripts asked for and the job does not list, as nodes tell of them."""
    before: Json = old.get("resolved") or {}
    if case.resolved is None:
        return before
    asked = {**(before.get("models") or {}), **_asked_for(case)}
    used = case.resolved.used
    found = {
        "models": {**asked, **used.models},
        "datasets": used.datasets,
        "environment": used.environment,
        "computeTarget": used.compute_target,
        "claim": case.resolved.model.spec.volume.claim,
        "image": _image(case) or before.get("image", ""),
    }
    return {name: value for name, value in found.items() if value}


def _asked_for(case: Case) -> dict[str, str]:
    """Versions of models by name."""
    told = (lease.progress.get("models") or {} for lease in case.world.nodes.values() if lease is not None)
    return {str(name): str(version) for models in told for name, version in models.items()}


def _image(case: Case) -> str:
    """The worker's image by digest, as the first node that knows it tells."""
    for pod in case.world.pods:
        for name, _, status in pods.containers(pod):
            if name == pod_layout.WORKER and status.get("imageID"):
                return str(status["imageID"])
    return ""
