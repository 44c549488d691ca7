"""All that one decision about one job depends on, read before anything is decided.

API objects are as the API server gave them. Objects are None where there is no such object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from parallelrun.kube.names import Names
from parallelrun.leases.allocator import Shard
from parallelrun.leases.header import Header
from parallelrun.leases.node import NodeLease
from parallelrun_operator.config import Config
from parallelrun_operator.job.memory import Memory

Json = dict[str, Any]


@dataclass(frozen=True)
class World:
    """One job, seen at one moment."""

    config: Config
    now: float  # seconds, monotonic, of this process
    clock: datetime  # UTC, for time stamps that people read; nothing is decided by it but ttlSecondsAfterFinished
    job: Json  # the ParallelRunJob
    memory: Memory  # what earlier looks of this process saw; empty after a restart
    watching: bool = True  # False: watches were blind for a while, so that nothing may be concluded from silence
    header: Header | None = None  # None where its ConfigMap is missing or empty
    shards: Mapping[int, Shard | None] = field(default_factory=dict)  # ConfigMaps that exist; None: still empty
    nodes: Mapping[int, NodeLease | None] = field(default_factory=dict)  # Leases that exist; None: never taken
    child: Json | None = None  # the Job
    children: frozenset[tuple[str, str]] = frozenset()  # (kind, name) of every other child that exists
    pods: Sequence[Json] = ()  # of the Job, terminating and finished ones too
    machines: Mapping[str, bool] = field(default_factory=dict)  # Kubernetes nodes by name: Ready?
    warnings: Sequence[Json] = ()  # Events of type Warning about Job and pods; only read while pods are missing
    missing: Sequence[str] = ()  # "ConfigMap mnist-code", "PersistentVolumeClaim data": named by the job, not there
    registered: Sequence[Json] = ()  # Datastores, Datasets, ...: of the namespace, or those that the job began with
    reusable: Sequence[Json] = ()  # jobs that spec.reuseOf names, in its order; not read any more once it is planned
    earlier: Json | None = None  # the job whose results this one takes along; not read any more once it has them

    @property
    def namespace(self) -> str:
        """The job's."""
        return str(self.job["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The job's."""
        return str(self.job["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The job's."""
        return str(self.job["metadata"]["uid"])

    @property
    def names(self) -> Names:
        """Of the job's children."""
        return Names.of(self.name, self.uid)
