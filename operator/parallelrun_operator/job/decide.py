"""What is to be done for one job, now. Pure: a World in, a Decision out; time comes in with the World.

Everything is decided from what is there, never from what was done before, so that a look can be repeated, and the
process killed, at any moment. Each step is a policy of its own; their order is that of the actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from parallelrun.api.conditions import CANCELLED, COMPLETE, FAILED, MANIFEST_ERROR
from parallelrun.leases.header import Phase
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Action, Announce, Decision
from parallelrun_operator.job.policies import Case, Step, manifest
from parallelrun_operator.job.policies.cancel import cancel
from parallelrun_operator.job.policies.creation import lost_header, never_started, shards, standing
from parallelrun_operator.job.policies.dead_pods import dead_pods
from parallelrun_operator.job.policies.diagnosis import diagnosis
from parallelrun_operator.job.policies.environment import environment
from parallelrun_operator.job.policies.expiry import gone, silent
from parallelrun_operator.job.policies.init_failures import init_failures
from parallelrun_operator.job.policies.job_child import job_child, remove
from parallelrun_operator.job.policies.memories import settled
from parallelrun_operator.job.policies.patience import patience
from parallelrun_operator.job.policies.replacement import replacement
from parallelrun_operator.job.policies.reporting import reporting
from parallelrun_operator.job.policies.rerun import obstacle
from parallelrun_operator.job.policies.thresholds import thresholds
from parallelrun_operator.job.policies.ttl import ttl
from parallelrun_operator.job.settings import Lacking, Resolved
from parallelrun_operator.job.status import compose, rate
from parallelrun_operator.job.status.conditions import holds
from parallelrun_operator.job.status.write import write
from parallelrun_operator.job.world import World

#: A job that goes on is looked at again after so long, whatever happens or does not.
LOOK_SECONDS = 15.0
#: One that waits for what is not registered yet: nothing tells when it is.
LACKING_SECONDS = 5.0

#: While a job is not over.
POLICIES = (
    cancel, manifest.refused, shards, silent, gone, environment, thresholds, init_failures, patience, standing,
    job_child, replacement, dead_pods, reporting,
)  # fmt: skip


def decide(world: World) -> Decision:
    """Actions, what to remember, and when to look again."""
    if world.job["metadata"].get("deletionTimestamp"):
        return Decision(())  # its objects go with it
    world = settled(world)
    reading = manifest.read(world)
    if world.header is not None:
        return _with_header(Case(world, world.header, reading.resolved, reading.problem))
    if _ended(world):
        return _ended_without_header(world)
    if reading.lacking is not None:
        return _lacking(world, reading.lacking)
    return _without_header(world, reading.resolved, reading.problem)


def _with_header(case: Case) -> Decision:
    steps = [remove(case)] if case.over else [policy(case) for policy in POLICIES]
    samples = _samples(case)
    status = compose.status_of(case, None if case.over else diagnosis(case), samples)
    steps += [Step((), {"samples": samples}), write(case.world, status), ttl(case.world, status.get("completionTime"))]
    return _decision(case.world, steps, None if case.over else LOOK_SECONDS)


def _without_header(world: World, resolved: Resolved | None, problem: str) -> Decision:
    if resolved is None:
        return _refused(world, problem)
    if never_started(world):
        found = obstacle(world, resolved)
        if found is not None and not found.passes:
            return _refused(world, found.text)
        if found is not None:
            return _decision(world, [write(world, compose.waiting(world, found.text))], LOOK_SECONDS)
        first = Step(children.first(world, resolved))
        return _decision(world, [first, write(world, compose.pending(world))], LOOK_SECONDS)
    return _decision(world, [lost_header(world, resolved)], LOOK_SECONDS)


def _lacking(world: World, what: Lacking) -> Decision:
    if world.job["spec"].get("cancel"):
        return _refused(world, f"cancelled by spec.cancel while it waited: {what.message}", CANCELLED)
    return _decision(world, [write(world, compose.lacking(world, what))], LACKING_SECONDS)


def _refused(world: World, problem: str, reason: str = MANIFEST_ERROR) -> Decision:
    status = compose.refused(world, problem, reason)
    return _decision(world, [write(world, status), ttl(world, status["completionTime"])], None)


def _ended(world: World) -> bool:
    status = compose.old_status(world)
    return holds(status, COMPLETE) or holds(status, FAILED)


def _ended_without_header(world: World) -> Decision:
    """A refused job, or one whose header was deleted after its end: it stays what it is."""
    status = compose.kept(world)
    return _decision(world, [write(world, status), ttl(world, status.get("completionTime"))], None)


def _samples(case: Case) -> rate.Samples:
    if case.header.phase is not Phase.RUNNING or not case.holders:
        return ()
    return rate.sampled(case.memory.samples, case.world.now, case.tally.counts.completed)


def _decision(world: World, steps: Iterable[Step], at_most: float | None) -> Decision:
    memory, again = world.memory, [] if at_most is None else [at_most]
    actions: list[Action] = []
    for step in steps:
        actions += step.actions
        memory = replace(memory, **step.remember)
        if step.again is not None:
            again.append(max(step.again, 0.1))
    events = [action for action in actions if isinstance(action, Announce)]
    others = [action for action in actions if not isinstance(action, Announce)]
    return Decision((*others, *events), memory, min(again, default=None))
