"""The template of a job's pods: where they run, and as whom."""

from __future__ import annotations

from typing import Any

from parallelrun.api import pod_layout
from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.api.models import Toleration
from parallelrun_operator.job.children import containers, security, volumes
from parallelrun_operator.job.children.objects import labels
from parallelrun_operator.job.settings import Resolved
from parallelrun_operator.job.world import World

Json = dict[str, Any]

#: A pod on a machine that does not answer is given up after so long; Kubernetes' own default is five minutes.
_GONE_SECONDS = 30
_GONE_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
#: What is left of the grace period when the agent has drained: to give back its leases, and for the worker to end.
_AFTER_DRAIN_SECONDS = 10


def template(world: World, resolved: Resolved) -> Json:
    """``spec.template`` of the Job."""
    metadata = {
        "labels": labels(world, "runner"),
        "annotations": {"kubectl.kubernetes.io/default-container": pod_layout.AGENT},
    }
    return {"metadata": metadata, "spec": _spec(world, resolved)}


def account_of(world: World, resolved: Resolved) -> str:
    """The service account of the job's pods."""
    return resolved.model.spec.service_account_name or world.names.base


def _spec(world: World, resolved: Resolved) -> Json:
    spec, config = resolved.model.spec, world.config
    init, main = containers.of_pod(world, resolved)
    pod: Json = {
        "restartPolicy": "Never",
        "serviceAccountName": account_of(world, resolved),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": config.drain_seconds + _AFTER_DRAIN_SECONDS,
        "securityContext": security.of_pod(config),
        "initContainers": init,
        "containers": main,
        "volumes": volumes.all_of(world, resolved),
        "tolerations": _tolerations(spec.tolerations),
        "topologySpreadConstraints": [_apart(world)],
    }
    secrets = dict.fromkeys([*config.runner_pull_secrets, *(one.name for one in spec.environment.image_pull_secrets)])
    optional: Json = {
        "nodeSelector": dict(spec.node_selector),
        "priorityClassName": spec.priority_class_name,
        "imagePullSecrets": [{"name": name} for name in secrets],
    }
    return pod | {key: value for key, value in optional.items() if value}


def _tolerations(own: list[Toleration]) -> list[Json]:
    """The job's, and ours for machines that are gone unless the job has its own for that."""
    listed = [one.model_dump(by_alias=True, exclude_none=True) for one in own]
    covered = {one.key for one in own if one.effect in ("", "NoExecute")}
    ours = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _GONE_SECONDS}
        for key in _GONE_TAINTS
        if key not in covered and "" not in covered
    ]
    return [*({key: value for key, value in one.items() if value != ""} for one in listed), *ours]


def _apart(world: World) -> Json:
    """Rather on different machines, but never unscheduled for that."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {LABEL_JOB_UID: world.uid}},
    }
