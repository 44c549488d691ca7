"""What a run of a pipeline does next, over all graphs and all that can become of steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.pipelines import states
from parallelrun.pipelines.states import Finish, RunState, Skip, Start, Stop, next_actions

NAMES = [f"s{number}" for number in range(6)]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, frozenset[str]]:
    """Steps in any order of the manifest; each may need any that come before it in another order."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    order = draw(st.permutations(names))
    needs = {name: frozenset(draw(st.sets(st.sampled_from(order[:n] or [""]))) - {""}) for n, name in enumerate(order)}
    return {name: needs[name] for name in draw(st.permutations(names))}


def played(run: RunState, data: st.DataObject) -> tuple[RunState, list[str], Finish]:
    """The run to its end: steps that run end in any order, any way; (last state, steps in order of start, the end)."""
    started: list[str] = []
    for _ in range(100):
        phases = dict(run.phases)
        for action in next_actions(run):
            match action:
                case Finish():
                    return run, started, action
                case Start(step):
                    assert all(phases.get(other) in states.GOOD for other in run.needs[step])
                    assert step not in started
                    started.append(step)
                    phases[step] = states.RUNNING
                case Skip(step, _, phase):
                    assert step not in started
                    phases[step] = phase
                case Stop(step):
                    phases[step] = states.CANCELLED
        running = [step for step, phase in phases.items() if phase == states.RUNNING]
        if running:
            step = data.draw(st.sampled_from(running))
            phases[step] = data.draw(st.sampled_from([states.SUCCEEDED, states.REUSED, states.FAILED]))
        else:
            assert phases != run.phases, "the run stands still"
        run = replace(run, phases=phases)
    raise AssertionError("the run does not end")


@given(graphs(), st.booleans(), st.data())
def test_a_run_ends_and_starts_each_step_at_most_once_after_all_it_needs(needs, goes_on, data):
    run, started, end = played(RunState(needs, {}, goes_on), data)
    failed = {step for step in needs if run.phase(step) == states.FAILED}
    assert end.phase == (states.FAILED if failed else states.SUCCEEDED)
    assert failed or sorted(started) == sorted(needs)


@given(graphs(), st.data())
def test_where_a_run_goes_on_after_failures_a_step_is_skipped_exactly_when_something_it_needs_did_not_succeed(
    needs, data
):
    run, started, _ = played(RunState(needs, {}, continue_on_step_failure=True), data)
    for step in needs:
        lost = any(run.phase(other) in states.BAD for other in needs[step])
        assert (run.phase(step) == states.SKIPPED) == lost
        assert (step in started) != lost


@given(graphs(), st.booleans(), st.data())
def test_after_a_failure_nothing_starts_unless_the_run_is_to_go_on(needs, cancel, data):
    phases = {step: data.draw(st.sampled_from([states.WAITING, states.RUNNING])) for step in needs}
    step = data.draw(st.sampled_from(sorted(needs)))
    run = RunState(needs, phases | {step: states.FAILED}, cancel=cancel)
    assert not any(isinstance(action, Start) for action in next_actions(run))


@given(graphs(), st.data())
def test_a_cancelled_run_stops_what_runs_starts_nothing_and_ends(needs, data):
    phases = {step: data.draw(st.sampled_from([states.WAITING, states.RUNNING, states.SUSPENDED])) for step in needs}
    run, started, end = played(RunState(needs, phases, cancel=True), data)
    assert started == []
    assert end.phase == states.CANCELLED
    assert set(run.phases.values()) == {states.CANCELLED}


@given(graphs(), st.data())
def test_a_suspended_run_starts_nothing_and_goes_on_later(needs, data):
    run = RunState(needs, {}, suspend=True)
    assert next_actions(run) == []
    assert states.run_phase(run) == states.SUSPENDED
    _, started, _ = played(replace(run, suspend=False), data)
    assert started


@given(graphs(), st.booleans(), st.data())
def test_what_was_carried_out_is_not_asked_for_again(needs, goes_on, data):
    phases = {step: data.draw(st.sampled_from(states.STEP_PHASES)) for step in needs}
    run = RunState(needs, phases, goes_on)
    first = [action for action in next_actions(run) if isinstance(action, (Start, Skip))]
    for action in first:
        phases[action.step] = states.RUNNING if isinstance(action, Start) else action.phase
    assert not {action.step for action in first} & {
        action.step for action in next_actions(replace(run, phases=phases)) if not isinstance(action, Finish)
    }


@pytest.mark.parametrize(
    ("phases", "phase", "message"),
    [
        ({"a": "Succeeded", "b": "Reused"}, "Succeeded", "2 steps succeeded, 1 of them reused"),
        ({"a": "Failed", "b": "Skipped"}, "Failed", "a did not succeed; 1 step not started"),
    ],
)
def test_the_end_says_what_became_of_the_steps(phases, phase, message):
    run = RunState({"a": frozenset(), "b": frozenset("a")}, phases)
    assert next_actions(run) == [Finish(phase, message)]


def test_what_needs_a_skipped_step_is_skipped_in_the_same_look_whatever_the_order_of_the_manifest():
    needs = {"c": frozenset("b"), "b": frozenset("a"), "a": frozenset()}
    actions = next_actions(RunState(needs, {"a": states.FAILED}, continue_on_step_failure=True))
    assert [(type(action), action.step) for action in actions] == [(Skip, "b"), (Skip, "c")]


def test_progress_counts_what_has_ended():
    run = RunState({"a": frozenset(), "b": frozenset(), "c": frozenset()}, {"a": "Reused", "b": "Running"})
    assert states.progress(run) == "1/3"
