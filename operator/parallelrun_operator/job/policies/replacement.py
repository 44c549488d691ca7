"""Makes the Job anew where its own back-off would keep an index without a pod for long.

A Job waits 10 s before it replaces an index's first failed pod, and doubles that up to 10 minutes, whatever the failure
was. It also waits for pods that were deleted by force. In both cases the pod it waits for is still listed, and only
such an index counts: one that never had a pod waits for room, and a new Job would not have more of it.

A new Job costs the other nodes their pods, so this is done ever more rarely while it does not help.
"""

from __future__ import annotations

from parallelrun.kube.resources import JOBS
from parallelrun_operator.job.actions import Delete
from parallelrun_operator.job.policies import pods, the_job
from parallelrun_operator.job.policies.case import Case, Step

ABSENT_SECONDS = 45.0
#: Where the last pod was deleted by force: its Job counts it as running until its machine, which is dead, says else.
FORCED_SECONDS = 15.0
AT_MOST_EVERY_SECONDS = 120.0
_DOUBLINGS = 4  # at last about every half hour


def replacement(case: Case) -> Step:
    """Delete the Job, which is then created again, where an index was without a living pod for too long."""
    now, child, memory = case.world.now, case.world.child, case.memory
    if child is None or the_job.terminating(child) or the_job.suspended(child) or the_job.refused_pods(case, child):
        return Step((), {"absent": {}})
    owner = child["metadata"]["uid"]
    mine = [pod for pod in case.world.pods if pods.job_uid(pod) == owner]
    had = {pods.index(pod) for pod in mine}
    forced = {pods.index(pod) for pod in mine if pods.forced(pod) and not pods.finished(pod)}
    absent = {
        index: memory.absent.get(index, now)
        for index in range(case.node_count)
        if index in had and index not in case.living
    }
    last, times = memory.replaced
    if not absent:
        calm = times and now - last > 2 * _pause(times)
        return Step((), {"absent": {}, "replaced": (last, 0) if calm else memory.replaced})
    allowed = last + _pause(times) if times else now
    waits = (since + (FORCED_SECONDS if index in forced else ABSENT_SECONDS) for index, since in absent.items())
    due = max(min(waits), allowed)
    if now < due:
        return Step((), {"absent": absent}, due - now)
    deletion = Delete(JOBS, child["metadata"]["name"], owner)
    return Step((deletion,), {"absent": {}, "replaced": (now, times + 1)})


def _pause(times: int) -> float:
    return float(AT_MOST_EVERY_SECONDS * 2 ** min(max(times - 1, 0), _DOUBLINGS))
