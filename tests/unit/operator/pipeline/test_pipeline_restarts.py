"""Whatever graph, whoever fails, whenever the operator dies: a run ends, each step runs once at most and after all that
it needs.
"""

from __future__ import annotations

import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_cluster import Cluster, Json, a_pipeline, a_run, script

from parallelrun.pipelines import graph
from parallelrun_operator.pipeline.decide import decide
from parallelrun_operator.pipeline.steps import over

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LOOKS = 120


@st.composite
def pipelines(draw: st.DrawFn) -> Json:
    """Up to six steps, each of which needs some of those before it."""
    steps: list[Json] = []
    for number in range(draw(st.integers(1, 6))):
        earlier = [step["name"] for step in steps]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        steps.append(script(f"s{number}", *needs))
    return a_pipeline(*draw(st.permutations(steps)))


faults = st.lists(
    st.tuples(st.sampled_from(["suspend", "resume", "delete_job", "nothing", "nothing", "nothing"]), st.integers(0, 5)),
    max_size=12,
)


def inflict(cluster: Cluster, fault: tuple[str, int]) -> None:
    kind, number = fault
    if kind in ("suspend", "resume"):
        cluster.run["spec"]["suspend"] = kind == "suspend"
    elif kind == "delete_job" and cluster.jobs:
        name = sorted(cluster.jobs)[number % len(cluster.jobs)]
        del cluster.jobs[name]


@quickly
@given(pipelines(), st.sets(st.integers(0, 5)), st.booleans(), faults, st.data())
def test_a_run_ends_as_its_steps_do_whenever_the_operator_dies(
    pipeline: Json, bad: set[int], goes_on: bool, history: list[tuple[str, int]], data: st.DataObject
) -> None:
    cluster = Cluster(a_run(continueOnStepFailure=goes_on), pipeline)
    needs = graph.needs(pipeline["spec"])
    deleted = any(kind == "delete_job" for kind, _ in history)
    failing = {f"s{number}" for number in bad}
    for look in range(LOOKS):
        cluster.look(die_after=data.draw(st.sampled_from([None, None, 0, 1, 2]), label="actions before it died"))
        if over(cluster.run):
            break
        cluster.suspend_where_wanted()
        if look < len(history):
            inflict(cluster, history[look])
        elif look == len(history):
            cluster.run["spec"]["suspend"] = False
        running = cluster.running()
        if running:
            step = data.draw(st.sampled_from(sorted(running)), label="ends")
            cluster.end(step, reason="InitFailed" if step in failing else "")
    phases = cluster.phases()
    assert over(cluster.run), f"after {LOOKS} looks: {cluster.status}"
    assert deleted or len(set(cluster.made)) == len(cluster.made)
    made = {name.removeprefix("digits-1-") for name in cluster.made}
    for step, phase in phases.items():
        if not deleted:  # a step whose job people deleted may be Waiting again when another one fails
            assert (phase == "Skipped") == (step not in made)
            assert (phase == "Failed") == (step in made and step in failing)
        if step in made:
            assert all(phases[other] == "Succeeded" for other in needs[step]), f"{step} began too early"
    assert (cluster.status["phase"] == "Succeeded") == all(phase == "Succeeded" for phase in phases.values())


@quickly
@given(pipelines(), st.integers(0, 12), st.booleans(), st.booleans(), st.data())
def test_a_decision_that_is_carried_out_again_changes_nothing_more(
    pipeline: Json, looks: int, suspend: bool, cancel: bool, data: st.DataObject
) -> None:
    cluster = Cluster(a_run(), pipeline)
    for _ in range(looks):
        cluster.look()
        cluster.suspend_where_wanted()
        for step in cluster.running()[:1]:
            cluster.end(step)
    cluster.run["spec"] |= {"suspend": suspend, "cancel": cancel}
    decision = decide(cluster.world())
    once, twice = copy.deepcopy(cluster), copy.deepcopy(cluster)
    died = data.draw(st.integers(0, len(decision.actions)), label="actions done before the process died")
    for action in decision.actions:
        once.carry_out(action)
    for action in (*decision.actions[:died], *decision.actions):
        twice.carry_out(action)
    assert (once.jobs, once.run, once.made) == (twice.jobs, twice.run, twice.made)
