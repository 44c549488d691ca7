"""What is to be done for one run of a pipeline, now. Pure: a RunWorld in, a Decision out.

All that a run remembers is in its status, which is written last, and only where nobody wrote it since it was read. A
step whose job is there and not recorded yet is told by the job; one that is recorded as over stays so. So a look can be
repeated, and the process killed, at any moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS
from parallelrun.pipelines import graph, states
from parallelrun.pipelines.states import Finish, RunState, Skip, Start, Stop
from parallelrun_operator.job.actions import Action, Announce, Create, Decision, Delete, Patch, SetStatus
from parallelrun_operator.job.status.write import printable, same
from parallelrun_operator.pipeline import begun as beginnings
from parallelrun_operator.pipeline import pausing, starting, status, steps
from parallelrun_operator.pipeline.beginning import begin
from parallelrun_operator.pipeline.begun import Begun
from parallelrun_operator.pipeline.events import announced
from parallelrun_operator.pipeline.world import RunWorld

Json = dict[str, Any]

#: A run that goes on is looked at again after so long, whatever happens or does not.
LOOK_SECONDS = 15.0
#: One that waits for what no watch tells it of.
WAIT_SECONDS = 2.0


def decide(world: RunWorld) -> Decision:
    """Actions, and when to look again."""
    if world.run["metadata"].get("deletionTimestamp"):
        return Decision(())  # its jobs go with it
    if steps.over(world.run):
        return _write(world, status.kept(world), [], _left(world, world.status))
    begun = beginnings.of(world.status)
    if begun is None:
        found, again = begin(world)
        return _write(world, found, [], again)
    return _go_on(world, begun)


def _go_on(world: RunWorld, begun: Begun) -> Decision:
    needs = graph.needs(begun.spec)
    now = steps.of(world, begun.spec)
    actions: list[Action] = pausing.actions(world)
    finish: Finish | None = None
    asked: set[object] = set()
    while finish is None:
        state = _state(world, needs, now)
        new = [one for one in states.next_actions(state) if one not in asked]
        if not new:
            break
        asked.update(new)
        for one in new:
            match one:
                case Start(step):
                    now[step], job = starting.start(world, begun, step, now)
                    actions += [Create(job)] if job is not None else []
                case Skip(step, message, phase):
                    now[step] = steps.ended(world, step, phase, message)
                case Stop(step):
                    actions += _stop(world, step)
                case Finish():
                    finish = one
    told = status.going_on(world, begun, _state(world, needs, now), list(now.values()), finish)
    waits = any(one["phase"] == states.WAITING and one.get("message") for one in now.values())
    again = _left(world, told) if finish is not None else WAIT_SECONDS if waits else LOOK_SECONDS
    return _write(world, told, actions, again)


def _state(world: RunWorld, needs: dict[str, frozenset[str]], now: dict[str, Json]) -> RunState:
    return RunState(
        needs,
        {name: one["phase"] for name, one in now.items()},
        continue_on_step_failure=bool(world.spec.get("continueOnStepFailure")),
        suspend=bool(world.spec.get("suspend")),
        cancel=bool(world.spec.get("cancel")),
    )


def _stop(world: RunWorld, step: str) -> list[Action]:
    job = world.jobs.get(step)
    if job is None or job["spec"].get("cancel"):
        return []
    return [Patch(PARALLEL_RUN_JOBS, job["metadata"]["name"], {"spec": {"cancel": True}})]


def _left(world: RunWorld, told: Json) -> float | None:
    """Seconds until the run is to be deleted; None: never, as far as is known now."""
    seconds, ended = world.spec.get("ttlSecondsAfterFinished"), told.get("completionTime")
    if seconds is None or ended is None:
        return None
    return float(seconds - (world.clock - datetime.fromisoformat(ended)).total_seconds())


def _write(world: RunWorld, told: Json, actions: list[Action], again: float | None) -> Decision:
    told = printable(told)
    if again is not None and again <= 0 and steps.over(world.run):
        meta = world.run["metadata"]
        return Decision((Delete(PIPELINE_RUNS, meta["name"], meta["uid"]),))
    written: list[Action] = []
    if not same(world.status, told):
        events: list[Announce] = announced(world.status, told)
        written = [SetStatus(told, unchanged=True), *events]
    return Decision((*actions, *written), look_again=None if again is None else max(again, 0.1))
