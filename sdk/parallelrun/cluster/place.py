"""Which cluster and namespace a command means, as kubectl has it. Imports nothing slow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: Set in every pod.
_IN_POD = "KUBERNETES_SERVICE_HOST"


@dataclass(frozen=True)
class Place:
    """What was said of a cluster on the command line; None: what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None

    @property
    def said(self) -> bool:
        """Whether anything was said at all."""
        return any(word is not None for word in (self.namespace, self.context, self.kubeconfig))


def configured() -> bool:
    """Whether there is a cluster to speak to where nothing was said of one: a kubeconfig, or we are in a pod."""
    return kubeconfig_exists() or _IN_POD in os.environ


def kubeconfig_exists() -> bool:
    """Whether one of the files of $KUBECONFIG, or ~/.kube/config, is there."""
    names = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return any(Path(name).expanduser().is_file() for name in names.split(os.pathsep) if name)
