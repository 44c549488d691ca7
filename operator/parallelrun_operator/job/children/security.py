"""What every pod and container of ours gives up: the restricted Pod Security Standard, and no token unless asked for.

Users are numbers from the operator's configuration; where there are none, the platform chooses (OpenShift), and the
standard still holds: an image that would run as root does not start.
"""

from __future__ import annotations

from typing import Any

from parallelrun_operator.config import Config

Json = dict[str, Any]

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
#: The shortest that the API server gives plus its grace, as it chooses for every pod itself; kubelet renews it.
_TOKEN_SECONDS = 3607


def of_pod(config: Config) -> Json:
    """The pod's securityContext."""
    context: Json = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    numbers = {"runAsUser": config.run_as_user, "runAsGroup": config.run_as_group, "fsGroup": config.fs_group}
    context |= {key: number for key, number in numbers.items() if number is not None}
    if config.fs_group is not None:
        context["fsGroupChangePolicy"] = "OnRootMismatch"  # else each start walks the whole volume
    return context


def of_container(read_only_root: bool) -> Json:
    """A container's securityContext."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only_root,
    }


def token_volume(name: str) -> Json:
    """What a pod gets by default, as a volume that only chosen containers mount."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources}}
