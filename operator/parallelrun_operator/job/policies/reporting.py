"""Lets an aborted job be over although nobody writes its reports.

Agents report an aborted job before they leave. Where none is there, or none will come, waiting has an end: a pod that
has no agent yet may wait for a machine, an image or a claim for ever.
"""

from __future__ import annotations

from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import MarkReported
from parallelrun_operator.job.policies import the_job
from parallelrun_operator.job.policies.case import Case, Step

#: With agents: a volume may be full, and be freed.
AT_MOST_SECONDS = 600.0
#: Without any: a Job replaces a pod within a minute.
AGENTLESS_SECONDS = 60.0
#: Where none can come, or there is nothing to report; pods may be seen a little late.
HOPELESS_SECONDS = 3.0


def reporting(case: Case) -> Step:
    """Mark the job reported when its time is over."""
    if case.header.phase is not Phase.ABORTED:
        return Step((), {"aborted_since": None, "agentless_since": None})
    now, memory = case.world.now, case.memory
    aborted = now if memory.aborted_since is None else memory.aborted_since
    agentless = now if memory.agentless_since is None else memory.agentless_since
    due = aborted + AT_MOST_SECONDS
    if case.has_agents:
        agentless = now
    else:
        due = min(due, agentless + (HOPELESS_SECONDS if _hopeless(case) else AGENTLESS_SECONDS))
    remember = {"aborted_since": aborted, "agentless_since": agentless}
    return Step((MarkReported(),), remember) if now >= due else Step((), remember, due - now)


def _hopeless(case: Case) -> bool:
    """Whether no agent will come, or none would have anything to report."""
    child = case.world.child
    return case.header.plan is None or child is None or the_job.suspended(child)
