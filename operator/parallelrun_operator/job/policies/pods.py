"""What a pod's object tells: of which index it is, and whether its agent still lives. Pods as the API server gave them.

An agent that ended may leave its pod Running for a while, since the worker's container is stopped after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parallelrun.api import pod_layout

Json = dict[str, Any]

_INDEX = "batch.kubernetes.io/job-completion-index"
_CONTROLLER = "batch.kubernetes.io/controller-uid"


def uid(pod: Json) -> str:
    """The pod's, which is its agent's name as a holder."""
    return str(pod["metadata"]["uid"])


def name(pod: Json) -> str:
    """The pod's."""
    return str(pod["metadata"]["name"])


def index(pod: Json) -> int | None:
    """Its completion index, which is its node's number; None where it has none."""
    metadata = pod["metadata"]
    value = (metadata.get("labels") or {}).get(_INDEX) or (metadata.get("annotations") or {}).get(_INDEX)
    return int(value) if value is not None and value.isdecimal() else None


def job_uid(pod: Json) -> str:
    """Of the Job that made it."""
    return str((pod["metadata"].get("labels") or {}).get(_CONTROLLER, ""))


def created(pod: Json) -> str:
    """When; as text that sorts."""
    return str(pod["metadata"].get("creationTimestamp", ""))


def terminating(pod: Json) -> bool:
    """Whether somebody deleted it."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def forced(pod: Json) -> bool:
    """Whether it was deleted by force: nothing of it is waited for, it is only counted by its Job yet."""
    return terminating(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0


def machine(pod: Json) -> str:
    """The Kubernetes node it was placed on; "" where it has no place."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def phase(pod: Json) -> str:
    """``Pending``, ``Running``, ``Succeeded``, ``Failed``."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def finished(pod: Json) -> bool:
    """Whether its agent ended, or never will start."""
    if phase(pod) in ("Succeeded", "Failed"):
        return True
    return any(name == pod_layout.AGENT and "terminated" in state for name, state, _ in containers(pod))


def agent_running(pod: Json) -> bool:
    """Whether its agent runs, as far as its machine could tell."""
    if finished(pod):
        return False
    return any(name == pod_layout.AGENT and "running" in state for name, state, _ in containers(pod))


def containers(pod: Json) -> Iterator[tuple[str, Json, Json]]:
    """(name, state, status) of each container, init containers first."""
    status = pod.get("status") or {}
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield one["name"], one.get("state") or {}, one
