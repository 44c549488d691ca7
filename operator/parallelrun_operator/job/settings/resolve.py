"""From a ParallelRunJob to :class:`Resolved`: every path absolute, every reference replaced, nothing left to look up."""

from __future__ import annotations

from typing import Any

from parallelrun_operator.config import Config
from parallelrun_operator.job.settings.resolved import Resolved


def resolve(job: dict[str, Any], config: Config) -> Resolved:
    """``job`` as the API server gave it. Raises ManifestError, with every problem that the models and rules find."""
    raise NotImplementedError
