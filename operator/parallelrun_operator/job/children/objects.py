"""What all children have in common: whose they are."""

from __future__ import annotations

from typing import Any

from parallelrun.api.conditions import LABEL_JOB, LABEL_JOB_UID
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, Resource
from parallelrun_operator.job.world import World

Json = dict[str, Any]


def labels(world: World, component: str) -> dict[str, str]:
    """``component``: access, settings, state, node or runner."""
    return {
        LABEL_JOB: world.name,
        LABEL_JOB_UID: world.uid,
        "app.kubernetes.io/name": "parallelrun",
        "app.kubernetes.io/managed-by": "parallelrun-operator",
        "app.kubernetes.io/component": component,
    }


def child(world: World, resource: Resource, name: str, component: str, **content: Any) -> Json:
    """An object that goes with its job: the garbage collector deletes it after the job, which waits for nothing."""
    owner = {
        "apiVersion": PARALLEL_RUN_JOBS.api_version,
        "kind": PARALLEL_RUN_JOBS.kind,
        "name": world.name,
        "uid": world.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    metadata = {
        "name": name,
        "namespace": world.namespace,
        "labels": labels(world, component),
        "ownerReferences": [owner],
    }
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **content}
