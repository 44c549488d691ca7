"""What a pipeline's schedule asks for, now. Pure: a ScheduleWorld in, a Decision out.

As a CronJob does it: of the times that passed since the last run only the latest is made up for, within
startingDeadlineSeconds. A run's name follows from its time, and the time is recorded after the run is made: two
replicas, or one that dies in between, come to one run. Times count from when this schedule was first seen, not from
when the pipeline was made: a schedule that is added or changed makes no run for what is past.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from parallelrun.api.conditions import COMPLETE, FAILED, LABEL_PIPELINE, SCHEDULED_FOR, STALLED
from parallelrun.api.errors import ManifestError
from parallelrun.kube.resources import PIPELINE_RUNS
from parallelrun_operator.job.actions import Action, Announce, Create, Decision, Delete, Patch, SetStatus
from parallelrun_operator.job.status.conditions import Told, holds, stamp
from parallelrun_operator.job.status.write import same
from parallelrun_operator.pipeline import checking, names, times
from parallelrun_operator.pipeline.world import ScheduleWorld

Json = dict[str, Any]

READY, SCHEDULED = "Ready", "Scheduled"
#: The clock of the machine may be set anew: so often it is looked at, however far away the next time is.
LOOK_SECONDS = 60.0


def decide(world: ScheduleWorld) -> Decision:
    """Runs to make, to stop and to remove; and what is told of it all."""
    pipeline, old = world.pipeline, dict(world.pipeline.get("status") or {})
    schedule: Json | None = pipeline["spec"].get("schedule")
    try:
        if schedule is not None:
            times.check(schedule["cron"], zone_of(schedule))
        checking.check(pipeline["spec"])
    except ManifestError as error:
        return _decision(world, old, [], _status(world, _broken(world, old, str(error))), None)
    if schedule is None:
        told = _conditions(world, old, {READY: Told(True, "Checked", "it is run when somebody makes a run of it")})
        return _decision(world, old, [], _status(world, told), None)
    return _scheduled(world, schedule, old)


def zone_of(schedule: Json) -> str:
    """The time zone that its cron expression is read in."""
    return str(schedule.get("timeZone") or "UTC")


def _scheduled(world: ScheduleWorld, schedule: Json, old: Json) -> Decision:
    cron, zone, now = schedule["cron"], zone_of(schedule), world.clock
    since = _since(world, schedule, old)
    deadline = schedule.get("startingDeadlineSeconds")
    begin = since if deadline is None else max(since, now - timedelta(seconds=deadline))
    due = None if schedule.get("suspend") else times.latest(cron, zone, begin, now)
    active = [run for run in world.runs if not _over(run)]
    policy = schedule.get("concurrencyPolicy", "Forbid")
    actions: list[Action] = []
    last, going = old.get("lastScheduleTime"), [run["metadata"]["name"] for run in active]
    made = None if due is None else _run(world, schedule, due)
    there = made is not None and any(made["metadata"]["name"] == run["metadata"]["name"] for run in world.runs)
    held_back = made is not None and not there and bool(active) and policy == "Forbid"
    if made is not None and not there and not held_back:
        if policy == "Replace":
            actions += [_cancel(run) for run in active if not run["spec"].get("cancel")]
        actions += [Create(made), Announce("Normal", "RunCreated", made["metadata"]["name"])]
        going.append(made["metadata"]["name"])
    if due is not None and not held_back:
        last = stamp(due)
    actions += _outdated(world, schedule, old)
    following = times.following(cron, zone, now)
    told = {
        READY: Told(True, "Scheduled", _said(schedule, due if held_back else None, going)),
        SCHEDULED: Told(True, "Suspended" if schedule.get("suspend") else "Scheduled", _text(schedule)),
    }
    status = _status(world, _conditions(world, old, told, since)) | {
        "lastScheduleTime": last,
        "nextScheduleTime": None if following is None or schedule.get("suspend") else stamp(following),
        "active": sorted(set(going)),
    }
    wait = LOOK_SECONDS if following is None else (following - now).total_seconds()
    return _decision(world, old, actions, status, min(max(wait, 0.1), LOOK_SECONDS))


def _since(world: ScheduleWorld, schedule: Json, old: Json) -> datetime:
    """Times after this one count."""
    meta = world.pipeline["metadata"]
    known = next((one for one in old.get("conditions") or () if one["type"] == SCHEDULED), None)
    if known is not None and known["message"] == _text(schedule):
        first = _time(known["lastTransitionTime"])
    elif known is None and meta.get("generation", 1) == 1:
        first = _time(meta["creationTimestamp"])
    else:
        first = world.clock.replace(microsecond=0)
    last = old.get("lastScheduleTime")
    return first if last is None else max(first, _time(last))


def _run(world: ScheduleWorld, schedule: Json, due: datetime) -> Json:
    pipeline = world.pipeline
    meta = pipeline["metadata"]
    return {
        "apiVersion": PIPELINE_RUNS.api_version,
        "kind": PIPELINE_RUNS.kind,
        "metadata": {
            "name": names.scheduled_run(pipeline, due),
            "namespace": meta["namespace"],
            "labels": {LABEL_PIPELINE: meta["name"]},
            "annotations": {SCHEDULED_FOR: stamp(due)},
            "ownerReferences": [names.owner(pipeline)],
        },
        "spec": {"pipeline": {"name": meta["name"]}, "parameters": schedule.get("parameters") or {}},
    }


def _cancel(run: Json) -> Action:
    return Patch(PIPELINE_RUNS, run["metadata"]["name"], {"spec": {"cancel": True}})


def _outdated(world: ScheduleWorld, schedule: Json, old: Json) -> list[Action]:
    """Runs that are over, beyond the history limits. One whose time is not recorded yet would be made again."""
    recorded = old.get("lastScheduleTime")
    found: list[Action] = []
    for condition, limit in (
        (COMPLETE, schedule.get("successfulRunsHistoryLimit", 3)),
        (FAILED, schedule.get("failedRunsHistoryLimit", 1)),
    ):
        over = [run for run in world.runs if holds(run.get("status") or {}, condition)]
        newest_first = sorted(over, key=_scheduled_for, reverse=True)
        found += [
            Delete(PIPELINE_RUNS, run["metadata"]["name"], run["metadata"]["uid"])
            for run in newest_first[limit:]
            if recorded is not None and _scheduled_for(run) <= recorded
        ]
    return found


def _scheduled_for(run: Json) -> str:
    """Its time, as it is written: these sort as times do."""
    annotations = run["metadata"].get("annotations") or {}
    return str(annotations.get(SCHEDULED_FOR) or run["metadata"].get("creationTimestamp", ""))


def _over(run: Json) -> bool:
    status = run.get("status") or {}
    return holds(status, COMPLETE) or holds(status, FAILED)


def _text(schedule: Json) -> str:
    return f"{schedule['cron']} ({zone_of(schedule)})"


def _said(schedule: Json, held_back: datetime | None, active: Iterable[str]) -> str:
    if schedule.get("suspend"):
        return "spec.schedule.suspend is true: no runs are made"
    if held_back is not None:
        return f"the run for {stamp(held_back)} is not made while another goes on: {', '.join(active)}"
    return _text(schedule)


def _broken(world: ScheduleWorld, old: Json, message: str) -> list[Json]:
    reason = "ManifestError"
    told = {READY: Told(False, reason, message), STALLED: Told(True, reason, message)}
    return _conditions(world, old, told)


def _conditions(
    world: ScheduleWorld, old: Json, told: dict[str, Told], scheduled_since: datetime | None = None
) -> list[Json]:
    """``told`` as the API has them. The time of Scheduled is since when its message, the schedule, is what it is."""
    before = {one["type"]: one for one in old.get("conditions") or ()}
    found = []
    for kind, one in told.items():
        status, known = "True" if one.holds else "False", before.get(kind)
        changed = known is None or known["status"] != status
        if kind == SCHEDULED:
            changed = known is None or known["message"] != one.message
        since = world.clock if scheduled_since is None or kind != SCHEDULED else scheduled_since
        found.append(
            {
                "type": kind,
                "status": status,
                "observedGeneration": world.pipeline["metadata"].get("generation", 1),
                "lastTransitionTime": stamp(since) if changed or known is None else known["lastTransitionTime"],
                "reason": one.reason,
                "message": one.message,
            }
        )
    return found


def _status(world: ScheduleWorld, conditions: list[Json]) -> Json:
    kept = {name: (world.pipeline.get("status") or {}).get(name) for name in ("lastScheduleTime",)}
    return {"observedGeneration": world.pipeline["metadata"].get("generation", 1), "conditions": conditions, **kept}


def _decision(world: ScheduleWorld, old: Json, actions: list[Action], status: Json, again: float | None) -> Decision:
    if world.pipeline["metadata"].get("deletionTimestamp"):
        return Decision(())
    status = {name: value for name, value in status.items() if value not in (None, [])}
    events = [action for action in actions if isinstance(action, Announce)]
    others = [action for action in actions if not isinstance(action, Announce)]
    written = [] if same(old, status) else [SetStatus(status, unchanged=True)]
    return Decision((*others, *written, *events), look_again=again)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
