"""The Indexed Job: keeps one pod alive for each node, whatever happens to pods, until one of them says it is done.

Whether the ParallelRunJob succeeded is the header's to say, never the Job's.
"""

from __future__ import annotations

from typing import Any

from parallelrun.api import exit_codes, pod_layout
from parallelrun.kube.resources import JOBS
from parallelrun_operator.job.children.objects import child
from parallelrun_operator.job.children.pods import template
from parallelrun_operator.job.settings import QUEUE_LABEL, Resolved
from parallelrun_operator.job.world import World

Json = dict[str, Any]

#: What all labels for Kueue begin with.
_KUEUE = "kueue.x-k8s.io/"
_NO_LIMIT = 2_147_483_647
_IGNORED = (
    exit_codes.AGENT_DRAINED,
    exit_codes.AGENT_NOT_HOLDER,
    exit_codes.AGENT_STORE_GONE,
    exit_codes.AGENT_DEFECT,
)


def job(world: World, resolved: Resolved) -> Json:
    """The Indexed Job to create; suspended where the job is, or where a queue is to let it in."""
    nodes = resolved.settings.node_count
    given = world.job["metadata"].get("labels") or {}
    spec: Json = {
        "completionMode": "Indexed",
        "completions": nodes,
        "parallelism": nodes,
        "backoffLimitPerIndex": _NO_LIMIT,  # our own tries decide
        "podReplacementPolicy": "Failed",  # never two pods of one index at a time
        "successPolicy": {"rules": [{"succeededCount": 1}]},  # pods that never got a place hold up no finished job
        "podFailurePolicy": {"rules": _failures()},
        "template": template(world, resolved),
    }
    if resolved.model.spec.suspend or resolved.queue:
        spec["suspend"] = True
    made = child(world, JOBS, world.names.base, "runner", spec=spec)
    made["metadata"]["labels"] |= {key: value for key, value in given.items() if key.startswith(_KUEUE)}
    if resolved.queue:
        made["metadata"]["labels"][QUEUE_LABEL] = resolved.queue
    return made


def _failures() -> list[Json]:
    """An agent that leaves by a code of its own, or is sent away, is not a failure; all else delays the next try."""
    codes = {"containerName": pod_layout.AGENT, "operator": "In", "values": list(_IGNORED)}
    return [
        {"action": "Ignore", "onExitCodes": codes},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
