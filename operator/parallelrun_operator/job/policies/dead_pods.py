"""Removes pods whose agent will not come back: a Job makes no new pod for an index while the old one seems to run.

On a machine that is not Ready nobody can confirm that a pod ended, so it is deleted by force; the holder rule keeps
its agent out should it still run there. An agent that lost its lease on a machine that is Ready is frozen: it is
deleted as usual after one more lease time.
"""

from __future__ import annotations

from parallelrun.kube.resources import PODS
from parallelrun_operator.job.actions import Action, Delete
from parallelrun_operator.job.policies import pods
from parallelrun_operator.job.policies.case import Case, Json, Step


def dead_pods(case: Case) -> Step:
    """Pods without a lease whose machine is dead, or whose agent runs on without one."""
    now = case.world.now
    leaseless: dict[str, float] = {}
    actions: list[Action] = []
    for uid, pod in case.pods.items():
        if pods.finished(pod) or pods.forced(pod) or uid in case.holders:
            continue
        running = pods.agent_running(pod)
        if case.machine_dead(pod) and (running or pods.terminating(pod)):
            actions.append(_delete(pod, 0))
        elif running and not pods.terminating(pod):
            since = leaseless[uid] = case.memory.leaseless.get(uid, now)
            if now - since > case.lease_seconds:
                actions.append(_delete(pod, None))
    due = [since + case.lease_seconds + 0.5 - now for since in leaseless.values()]
    return Step(tuple(actions), {"leaseless": leaseless}, min(due, default=None))


def _delete(pod: Json, grace: int | None) -> Delete:
    return Delete(PODS, pods.name(pod), pods.uid(pod), grace)
