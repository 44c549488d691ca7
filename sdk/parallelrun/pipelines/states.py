"""What a run of a pipeline does next, from what became of its steps so far. Pure: asked again, it answers the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WAITING: Final = "Waiting"  # of a step: what it needs has not ended
RUNNING: Final = "Running"
SUSPENDED: Final = "Suspended"
SUCCEEDED: Final = "Succeeded"
REUSED: Final = "Reused"  # of a step: an earlier run's result was taken over
FAILED: Final = "Failed"
SKIPPED: Final = "Skipped"  # of a step: it never started
CANCELLED: Final = "Cancelled"
PENDING: Final = "Pending"  # of a run: nothing was looked at yet

STEP_PHASES: Final = (WAITING, RUNNING, SUSPENDED, SUCCEEDED, REUSED, FAILED, SKIPPED, CANCELLED)
RUN_PHASES: Final = (PENDING, RUNNING, SUSPENDED, SUCCEEDED, FAILED, CANCELLED)
GOOD: Final = frozenset({SUCCEEDED, REUSED})
ENDED: Final = GOOD | {FAILED, SKIPPED, CANCELLED}
BAD: Final = ENDED - GOOD


@dataclass(frozen=True)
class RunState:
    """A run at one moment."""

    needs: Mapping[str, frozenset[str]]  # of graph.needs
    phases: Mapping[str, str]  # of each step; one that is not there is Waiting
    continue_on_step_failure: bool = False
    suspend: bool = False
    cancel: bool = False

    def phase(self, step: str) -> str:
        """One of STEP_PHASES."""
        return self.phases.get(step, WAITING)


@dataclass(frozen=True)
class Start:
    """The step starts: all that it needs has succeeded."""

    step: str


@dataclass(frozen=True)
class Skip:
    """The step will never start. ``phase`` is Skipped, or Cancelled where the run was cancelled."""

    step: str
    message: str
    phase: str = SKIPPED


@dataclass(frozen=True)
class Stop:
    """The step runs, and is to be cancelled."""

    step: str


@dataclass(frozen=True)
class Finish:
    """The run is over; ``phase`` is Succeeded, Failed or Cancelled."""

    phase: str
    message: str


Action = Start | Skip | Stop | Finish


def next_actions(run: RunState) -> list[Action]:
    """What is to be done now; [] while there is nothing but to wait."""
    ended = [step for step in run.needs if run.phase(step) in ENDED]
    if len(ended) == len(run.needs):
        return [_finish(run)]
    actions: list[Action] = []
    failed = [step for step in run.needs if run.phase(step) in (FAILED, CANCELLED)]
    lost = {step for step in run.needs if run.phase(step) in BAD}
    for step in _in_order(run.needs):
        phase = run.phase(step)
        if run.cancel and phase in (RUNNING, SUSPENDED):
            actions.append(Stop(step))
        if phase != WAITING:
            continue
        missing = sorted(lost & run.needs[step])
        if run.cancel:
            actions.append(Skip(step, "the run was cancelled", CANCELLED))
        elif missing:
            lost.add(step)
            actions.append(Skip(step, f"it needs {', '.join(missing)}, which did not succeed"))
        elif failed and not run.continue_on_step_failure:
            lost.add(step)
            actions.append(
                Skip(step, f"{', '.join(failed)} did not succeed, and the run was to stop at the first failure")
            )
        elif not run.suspend and all(run.phase(other) in GOOD for other in run.needs[step]):
            actions.append(Start(step))
    return actions


def run_phase(run: RunState) -> str:
    """The phase of a run that has begun."""
    if all(run.phase(step) in ENDED for step in run.needs):
        return _finish(run).phase
    return SUSPENDED if run.suspend and not run.cancel else RUNNING


def progress(run: RunState) -> str:
    """Steps that ended of all, such as "2/3"."""
    return f"{sum(run.phase(step) in ENDED for step in run.needs)}/{len(run.needs)}"


def _finish(run: RunState) -> Finish:
    bad = [step for step in run.needs if run.phase(step) in (FAILED, CANCELLED)]
    if all(run.phase(step) in GOOD for step in run.needs):
        reused = sum(run.phase(step) == REUSED for step in run.needs)
        taken = f", {reused} of them reused" if reused else ""
        return Finish(SUCCEEDED, f"{_count(len(run.needs))} succeeded{taken}")
    if run.cancel:
        return Finish(CANCELLED, "the run was cancelled")
    skipped = sum(run.phase(step) == SKIPPED for step in run.needs)
    rest = f"; {_count(skipped)} not started" if skipped else ""
    return Finish(FAILED, f"{', '.join(bad)} did not succeed{rest}" if bad else rest.removeprefix("; "))


def _count(number: int) -> str:
    return "1 step" if number == 1 else f"{number} steps"


def _in_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """Each step after all that it needs, so that what is skipped for another that is skipped is seen at once."""
    made: list[str] = []
    while len(made) < len(needs):
        made += [step for step in needs if step not in made and needs[step] <= set(made)]
    return made
