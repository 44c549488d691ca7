"""A pipeline's run in a cluster: a ParallelRunPipelineRun, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.cluster.place import Place

if TYPE_CHECKING:
    from parallelrun.client.pipeline_run import PipelineRun


def submit(text: str, path: Path, place: Place, spec: dict[str, Any]) -> PipelineRun:
    """Not yet."""
    raise NotImplementedError


def get(name: str, place: Place) -> PipelineRun:
    """Not yet."""
    raise NotImplementedError
