"""Aborts a job whose packages cannot be installed, in the installer's words.

Where that may mend itself, since an index did not answer or a volume was full, the container ends with another exit
code, and pods are tried again. A job that was planned once got its packages: then it is this pod's trouble alone.
"""

from __future__ import annotations

from parallelrun.api import exit_codes, pod_layout
from parallelrun.api.conditions import ENVIRONMENT_ERROR
from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies import pods
from parallelrun_operator.job.policies.case import Case, Json, Step


def environment(case: Case) -> Step:
    """Abort it before anybody works."""
    if case.header.phase is not Phase.PLANNING or case.holders:
        return Step()
    for found in case.failed.values():
        said = _refused(found[-1])
        if said:
            return Step((Abort(ENVIRONMENT_ERROR, said),))
    return Step()


def _refused(pod: Json) -> str:
    for name, state, _ in pods.containers(pod):
        ended = state.get("terminated") or {}
        if name == pod_layout.ENVIRONMENT_INIT and ended.get("exitCode") == exit_codes.ENVIRONMENT_REFUSED:
            return str(ended.get("message") or "").strip() or "spec.environment: its packages cannot be installed."
    return ""
