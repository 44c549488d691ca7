"""Shuts out holders that are gone, so that others run what they held.

A lease that does not change for its whole time is expired, by this process's own clock; one whose pod ended, at once.
What is known by silence alone (no such pod, no such holder) must be seen for a few seconds: parts of a World are read
one after another, and a holder may be newer than the list of pods, or a claim newer than the leases of nodes.
"""

from __future__ import annotations

from parallelrun_operator.job.actions import Action, Announce, Expire, Release
from parallelrun_operator.job.policies import pods
from parallelrun_operator.job.policies.case import Case, Step

#: So long a holder must have been seen with something and without a pod, or with a claim and without a node's lease.
STRAY_SECONDS = 3.0
#: A lease's time is looked at again so soon after it is due: a heartbeat may be on its way.
_LATE = 0.5


def silent(case: Case) -> Step:
    """Leases that do not change."""
    now, limit = case.world.now, case.lease_seconds
    beats: dict[int, tuple[str, int, float]] = {}
    actions: list[Action] = []
    for node, lease in sorted(case.world.nodes.items()):
        if lease is None or not lease.holder:
            continue
        seen = case.memory.beats.get(node)
        since = seen[2] if seen is not None and seen[:2] == (lease.holder, lease.beat) else now
        beats[node] = (lease.holder, lease.beat, since)
        if now - since > limit:
            said = f"node {node} gave no sign of life for {limit:g} s; what it held goes to others"
            actions += [Expire(node, lease.holder), Announce("Warning", "NodeExpired", said)]
    due = [since + limit + _LATE - now for _, _, since in beats.values()]
    return Step(tuple(actions), {"beats": beats}, min(due, default=None))


def gone(case: Case) -> Step:
    """Holders whose pod ended or is not there, and claims of holders that are no node's any more."""
    now = case.world.now
    strays: dict[str, float] = {}
    actions: list[Action] = []
    for holder in sorted(case.claimants | set(case.holders)):
        pod, node = case.pods.get(holder), case.holders.get(holder)
        if pod is not None and node is not None and not pods.finished(pod):
            continue
        since = strays[holder] = case.memory.strays.get(holder, now)
        if (pod is not None and pods.finished(pod)) or now - since >= STRAY_SECONDS:
            actions.append(Release(holder) if node is None else Expire(node, holder))
    return Step(tuple(actions), {"strays": strays}, STRAY_SECONDS if strays else None)
