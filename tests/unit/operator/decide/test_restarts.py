"""Whatever happens to pods, machines, objects and the operator itself: the job comes to its end, and nobody who works
is disturbed by an operator that knows nothing yet.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_cluster import REUSED, TOTAL, Cluster, NotFound

from parallelrun.kube.resources import JOBS
from parallelrun.leases import allocator
from parallelrun_operator.job.actions import Delete, Expire, Release
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.policies import the_job
from parallelrun_operator.job.status.conditions import holds
from parallelrun_operator.job.world import World

CALM_ROUNDS = 400
SEEN = ["kill", "delete_pod", "delete_job", "scale", "suspend", "resume", "delete_lease", "nothing", "nothing"]
SILENT = ["freeze", "thaw", "machine_dies", "machine_returns"]
#: What the operator reads of a kind may be a round old.
PARTS = ["pods", "nodes", "shards", "header", "child", None, None, None]

Fault = tuple[str, int]


class Operator:
    """Looks, and does what was decided; checks each decision against what the cluster knows."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.memory = cluster, Memory()
        self.before = cluster.world(self.memory)

    def restart(self) -> None:
        self.memory = Memory()

    def look(self, stale: str | None = None) -> None:
        world = self.cluster.world(self.memory)
        seen = replace(world, **{stale: getattr(self.before, stale)}) if stale else world
        self.before = world
        decision = decide(seen)
        assert decision.look_again is not None or self._over(seen), "nobody would look at a job that is not over"
        self._check(seen, decision.actions)
        try:
            for action in decision.actions:
                self.cluster.carry_out(action)
        except NotFound:
            return  # the look is repeated, and nothing of it remembered
        self.memory = decision.memory

    def _check(self, seen: World, actions: tuple[Any, ...]) -> None:
        for action in actions:
            if isinstance(action, Expire | Release):
                assert not self.cluster.healthy(action.holder), f"{action} takes the work of one who does it"
            if isinstance(action, Delete) and action.resource is JOBS and seen.memory.looked is None:
                finished = seen.child is not None and the_job.finished(seen.child)
                assert finished or self._over(seen), "a Job was deleted by an operator that knows nothing yet"

    def _over(self, world: World) -> bool:
        status = world.job.get("status") or {}
        over = world.header is not None and world.header.phase in ("Done", "Aborted")
        return over or holds(status, "Complete") or holds(status, "Failed")


def started(rounds: int) -> Operator:
    """A job that went well for so many rounds."""
    operator = Operator(Cluster())
    for _ in range(rounds):
        operator.look()
        operator.cluster.round(2.0)
    return operator


def test_a_frozen_agent_s_work_is_done_by_others() -> None:
    operator = started(8)
    cluster = operator.cluster
    holder = next(iter(cluster.pods))
    assert cluster.agents[holder].lease is not None, "it holds nothing that could be lost"
    cluster.agents[holder].frozen = True
    to_the_end(operator, restart=False)


def test_a_job_whose_only_machine_vanished_goes_on_elsewhere() -> None:
    operator = Operator(Cluster(machines={"m2": True}))
    for _ in range(8):
        operator.look()
        operator.cluster.round(2.0)
    assert operator.cluster.healthy(next(iter(operator.cluster.pods)))
    operator.cluster.machines = {"m1": True, "m2": False}
    to_the_end(operator, restart=False)


def inflict(cluster: Cluster, fault: Fault) -> None:
    kind, number = fault
    pods = list(cluster.pods)
    uid = pods[number % len(pods)] if pods else None
    if kind == "kill" and uid:
        cluster.end(uid, 137)
    elif kind == "delete_pod" and uid:
        cluster.delete_pod(uid, None)
    elif kind == "delete_job" and cluster.child is not None:
        cluster.carry_out(Delete(JOBS, "", cluster.child["metadata"]["uid"]))
    elif kind in ("scale", "suspend", "resume"):
        value: dict[str, dict[str, object]] = {
            "scale": {"nodeCount": 1 + number % 4},
            "suspend": {"suspend": True},
            "resume": {"suspend": False},
        }
        cluster.job = {**cluster.job, "spec": {**cluster.job["spec"], **value[kind]}}
    elif kind == "delete_lease":
        cluster.leases.pop(number % 2, None)
    elif kind in ("freeze", "thaw") and uid:
        cluster.agents[uid].frozen = kind == "freeze"
    elif kind == "machine_dies":
        cluster.machines["m2"] = False
    elif kind == "machine_returns":
        cluster.machines["m2"] = True


def to_the_end(operator: Operator, restart: bool) -> None:
    """Nothing bad happens any more; with ``restart`` the operator is new at every look."""
    cluster = operator.cluster
    inflict(cluster, ("resume", 0))
    for _ in range(CALM_ROUNDS):
        if restart:
            operator.restart()
        operator.look()
        if holds(cluster.job.get("status") or {}, "Complete") and cluster.child is None:
            break
        cluster.round(5.0)
    status = cluster.job["status"]
    assert holds(status, "Complete"), f"after {CALM_ROUNDS} rounds: {status}, {cluster.header}, {cluster.pods}"
    assert cluster.child is None, "the Job of a job that is done is still there"
    if cluster.takes_over:
        return
    shard = cluster.shards[0]
    assert shard is not None
    allocator.check(shard)
    assert shard.counts.completed == TOTAL == status["miniBatches"]["completed"]


def assert_at_rest(cluster: Cluster) -> None:
    """Looked at again and again, by whoever: nothing is left to be done."""
    for memory in (Memory(), decide(cluster.world(Memory())).memory):
        assert decide(cluster.world(memory)).actions == ()


faults = st.tuples(st.sampled_from(SEEN), st.integers(0, 7))
any_faults = st.tuples(st.sampled_from([*SEEN, *SILENT]), st.integers(0, 7))
rounds = st.integers(0, 12)
pauses = st.sampled_from([1.0, 5.0, 12.0, 30.0])
quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(quickly, max_examples=15)
@given(st.integers(0, 8), st.lists(faults, max_size=8))
def test_a_job_that_takes_over_an_earlier_result_comes_to_its_end_too(begin: int, history: list[Fault]) -> None:
    operator = Operator(Cluster(takes_over=True))
    cluster = operator.cluster
    for _ in range(begin):
        operator.look()
        cluster.round(2.0)
    for fault in history:
        operator.restart()
        operator.look()
        inflict(cluster, fault)
        cluster.round(5.0)
    to_the_end(operator, restart=True)
    status = cluster.job["status"]
    (complete,) = [one for one in status["conditions"] if one["type"] == "Complete"]
    assert (complete["reason"], status["reusedFrom"]) == ("Reused", "first")
    assert status["outputs"] == REUSED["outputs"]
    assert_at_rest(cluster)


@quickly
@given(rounds, st.lists(faults, max_size=20))
def test_an_operator_that_is_new_at_every_look_brings_a_job_to_its_end(begin: int, history: list[Fault]) -> None:
    operator = started(begin)
    cluster = operator.cluster
    for fault in history:
        operator.restart()
        operator.look()
        inflict(cluster, fault)
        cluster.round(5.0)
    to_the_end(operator, restart=True)
    assert_at_rest(cluster)


@quickly
@given(
    rounds, st.lists(st.tuples(any_faults, st.integers(0, 9), st.sampled_from(PARTS), pauses), min_size=1, max_size=20)
)
def test_what_is_only_known_by_silence_is_mended_too(
    begin: int, history: list[tuple[Fault, int, str | None, float]]
) -> None:
    operator = started(begin)
    cluster = operator.cluster
    for fault, chance, stale, seconds in history:
        if chance == 0:
            operator.restart()
        operator.look(stale)
        inflict(cluster, fault)
        cluster.round(seconds)
    to_the_end(operator, restart=False)
    assert_at_rest(cluster)


@quickly
@given(rounds, st.lists(any_faults, max_size=20), st.data())
def test_a_decision_repeated_changes_nothing_more(begin: int, history: list[Fault], data: st.DataObject) -> None:
    """The process may die anywhere among the actions: the next one does all of them again."""
    operator = started(begin)
    cluster = operator.cluster
    for fault in history:
        operator.look()
        inflict(cluster, fault)
        cluster.round(5.0)
    decision = decide(cluster.world(operator.memory))
    once, twice = copy.deepcopy(cluster), copy.deepcopy(cluster)
    died = data.draw(st.integers(0, len(decision.actions)), label="actions done before the process died")
    for action in decision.actions:
        once.carry_out(action)
    for action in (*decision.actions[:died], *decision.actions):
        twice.carry_out(action)
    assert once == twice
