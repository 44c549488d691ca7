"""What the operator was told when it was started; the chart's values end up here.

Each field is a flag of the command, of the same name with dashes (see :mod:`parallelrun_operator.flags`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Packages come from where the user's image says.
NO_PACKAGES = {"index": "", "extraIndex": "", "wheels": "", "channelAlias": "", "certificates": ""}


@dataclass(frozen=True)
class Config:
    """Fixed for one operator process."""

    runner_image: str = "parallelrun/runner:0.1.0"  # the agent's image, and the worker's where the job names none
    runner_pull_policy: str = "IfNotPresent"
    runner_pull_secrets: tuple[str, ...] = ()
    agent_resources: dict[str, Any] = field(default_factory=dict)  # of the agent's container
    worker_resources: dict[str, Any] = field(default_factory=dict)  # where a job says nothing
    cache_size: str = "20Gi"  # of a pod's volume for what its agent fetches from object stores
    proxy: dict[str, Any] = field(default_factory=lambda: {"http": "", "https": "", "none": ""})  # of agents and Git
    packages: dict[str, Any] = field(default_factory=lambda: dict(NO_PACKAGES))  # where jobs' packages come from
    spot: dict[str, Any] = field(default_factory=lambda: {"nodeSelector": {}, "tolerations": []})  # empty: ours
    run_as_user: int | None = 10001  # of all containers; None: the platform chooses (OpenShift)
    run_as_group: int | None = 10001
    fs_group: int | None = 10001
    drain_seconds: int = 20  # what runs when a pod is told to leave may take so long to end
    watch_namespaces: tuple[str, ...] = ()  # empty: all
    namespace: str = "parallelrun-system"  # the operator's own: leader election, heartbeats
    identity: str = ""  # of this replica: its pod's name
    pod_uid: str = ""  # of this replica's pod, which then owns its heartbeats; empty: nobody does
    workers: int = 4  # so many jobs are looked at at a time
    port: int = 8080  # of /healthz, /readyz and /metrics
    log_level: str = "INFO"  # WARNING | INFO | DEBUG
    log_format: str = "json"  # json: one object a line | plain: for people
    kubeconfig: str = ""  # outside of a cluster; empty: as kubectl finds it
    context: str = ""  # of the kubeconfig; empty: its current one
