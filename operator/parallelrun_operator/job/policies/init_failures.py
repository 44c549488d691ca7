"""Aborts a job whose ``init()`` does not get through: soon where one node tried often, later by all nodes' sum."""

from __future__ import annotations

from parallelrun.leases import thresholds as rules
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.case import Case, Step


def init_failures(case: Case) -> Step:
    """With the script's traceback as the message."""
    failed = case.tally.init_failures
    if case.resolved is None or case.header.phase is not Phase.RUNNING or not any(failed.values()):
        return Step((), {"init_failed_since": None})
    now, since = case.world.now, case.memory.init_failed_since
    since = now if since is None else since
    processes = case.resolved.settings.process_count_per_node
    found = rules.init_failures_violation(failed, processes, case.node_count, now - since)
    if found is not None:
        reason, message = found
        return Step((Abort(reason, f"{message}\n{case.tally.first_error}"),), {"init_failed_since": since})
    left = since + rules.INIT_GRACE_SECONDS - now
    return Step((), {"init_failed_since": since}, left if left > 0 else None)
