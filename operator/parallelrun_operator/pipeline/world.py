"""All that one decision about a pipeline or a run depends on, read before anything is decided.

API objects are as the API server gave them; time comes in as the clock. What has to last is in status alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class ScheduleWorld:
    """A pipeline, and the runs that its schedule made."""

    clock: datetime  # UTC
    pipeline: Json
    runs: Sequence[Json] = ()


@dataclass(frozen=True)
class RunWorld:
    """A run, and what it is made of."""

    clock: datetime  # UTC, for time stamps and ttlSecondsAfterFinished
    run: Json
    pipeline: Json | None = None  # that spec.pipeline names; read only until the run has its copy of it
    earlier: Json | None = None  # the run that spec.rerunFailed names
    jobs: Mapping[str, Json] = field(default_factory=dict)  # by step: those that belong to the run
    earlier_jobs: Mapping[str, Sequence[Json]] = field(default_factory=dict)  # by step, of other runs; the newest first
    failed_jobs: Mapping[str, Json] = field(default_factory=dict)  # by step: of the earlier run, over and not well
    others: Mapping[str, Json] = field(default_factory=dict)  # by step: not the run's, and named as its job would be
    refused: Mapping[str, str] = field(default_factory=dict)  # by step: why the API server never takes its job
    hindered: Mapping[str, str] = field(default_factory=dict)  # by step: why it did not take it a moment ago: a quota

    @property
    def spec(self) -> Json:
        """As it was applied."""
        return dict(self.run["spec"])

    @property
    def status(self) -> Json:
        """As it was written last; empty at first."""
        return dict(self.run.get("status") or {})

    @property
    def name(self) -> str:
        """The run's."""
        return str(self.run["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The run's."""
        return str(self.run["metadata"]["namespace"])
