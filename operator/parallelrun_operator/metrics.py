"""What the operator counts, for Prometheus; in a registry of its own, so that two operators can be in one process."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

Json = dict[str, Any]

_LOOK_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60)
_WAIT_BUCKETS = (0.01, 0.1, 0.5, 1, 5, 30, 120)


class Metrics:
    """One process's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.jobs = Gauge("parallelrun_jobs", "ParallelRunJobs by phase.", ["phase"], registry=r)
        self.pipeline_runs = Gauge(
            "parallelrun_pipeline_runs", "ParallelRunPipelineRuns by phase.", ["phase"], registry=r
        )
        self.look_seconds = Histogram(
            "parallelrun_look_seconds",
            "Duration of a look at one job, pipeline or run.",
            buckets=_LOOK_BUCKETS,
            registry=r,
        )
        self.look_errors = Counter(
            "parallelrun_look_errors", "Looks that failed and are tried again.", ["error"], registry=r
        )
        self.queue_depth = Gauge("parallelrun_queue_depth", "Jobs that wait to be looked at.", registry=r)
        self.queue_seconds = Histogram(
            "parallelrun_queue_seconds", "How long a job that was due waited.", buckets=_WAIT_BUCKETS, registry=r
        )
        self.actions = Counter("parallelrun_actions", "What was done, by kind of action.", ["action"], registry=r)
        self.leases_expired = Counter("parallelrun_leases_expired", "Holders that were shut out.", registry=r)
        self.pods_forced = Counter("parallelrun_pods_force_deleted", "Pods deleted by force.", registry=r)
        self.conflicts = Counter("parallelrun_api_conflicts", "Writes that met a newer object.", registry=r)
        self.ghosts = Counter("parallelrun_missed_deletions", "Deletions that no watch told.", registry=r)
        self.watch_age = Gauge(
            "parallelrun_watch_age_seconds", "Since a heartbeat was seen by a watch.", ["kind"], registry=r
        )
        self.leader = Gauge("parallelrun_leader", "1 in the replica that acts.", registry=r)

    def phases(self, jobs: Iterable[Json], pipeline_runs: Iterable[Json]) -> None:
        """Of all that there are."""
        for gauge, objects in ((self.jobs, jobs), (self.pipeline_runs, pipeline_runs)):
            gauge.clear()
            for phase, count in Tally((one.get("status") or {}).get("phase") or "Pending" for one in objects).items():
                gauge.labels(phase).set(count)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)
