"""Keeps the Job: made when there is none, as wide as nodeCount, suspended when people say so, gone when all is over.

The Job's own end means nothing: agents end well only when the header says that the job is over, so a Job that finished
before is made anew. Where a Kueue queue is named, suspend and placement are the queue's: such a Job is never
resumed here, and to pause it it is deleted, since a queue would start an admitted Job again at once.
"""

from __future__ import annotations

from parallelrun.api.conditions import MANIFEST_ERROR
from parallelrun.kube.resources import JOBS
from parallelrun.leases.header import Phase
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Abort, Action, Create, Delete, Patch
from parallelrun_operator.job.policies import the_job
from parallelrun_operator.job.policies.case import Case, Json, Step
from parallelrun_operator.job.policies.rerun import obstacle

#: So long agents have to leave by themselves once the job is over.
LEAVE_SECONDS = 30.0


def job_child(case: Case) -> Step:
    """Create, change or delete the Job of a job that is not over."""
    child = case.world.child
    if child is None:
        return _create(case)
    if the_job.terminating(child):
        return Step()
    if the_job.finished(child) or (case.queue and case.suspended):
        return Step((_delete(child),))
    changes = _changes(case, child)
    return Step((Patch(JOBS, child["metadata"]["name"], {"spec": changes}),) if changes else ())


def remove(case: Case) -> Step:
    """Delete the Job of a job that is over, as soon as no agent runs, or some time later."""
    child, now = case.world.child, case.world.now
    since = now if case.memory.over_since is None else case.memory.over_since
    remember = {"over_since": since}
    if child is None or the_job.terminating(child):
        return Step((), remember)
    left = since + LEAVE_SECONDS - now
    if case.has_agents and not the_job.finished(child) and left > 0:
        return Step((), remember, left)
    return Step((_delete(child),), remember)


def _create(case: Case) -> Step:
    if case.resolved is None or case.cancelled or case.header.phase is Phase.ABORTED:
        return Step()
    if case.queue and case.suspended:
        return Step()
    if (found := obstacle(case.world, case.resolved)) is not None:
        return Step() if found.passes else Step((Abort(MANIFEST_ERROR, found.text),))
    return Step((Create(children.job(case.world, case.resolved)),))


def _delete(child: Json) -> Action:
    return Delete(JOBS, child["metadata"]["name"], child["metadata"]["uid"])


def _changes(case: Case, child: Json) -> Json:
    """Fields of the Job's spec that differ from what people want; an Indexed Job scales by both counts together."""
    spec, wanted = child["spec"], case.node_count
    changes: Json = {}
    if (spec.get("parallelism"), spec.get("completions")) != (wanted, wanted):
        changes |= {"parallelism": wanted, "completions": wanted}
    if not case.queue and the_job.suspended(child) != case.suspended:
        changes["suspend"] = case.suspended
    return changes
