"""What must be in a job's namespace before its pods can start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun_operator.config import Config
from parallelrun_operator.job.settings import resolve

Json = dict[str, Any]


def needs(job: Json, config: Config, registered: Sequence[Json]) -> tuple[tuple[str, str], ...]:
    """(kind, name) of the objects that the manifest names; none where it is refused: then that is what is told."""
    try:
        return resolve(job, config, registered).needs
    except ManifestError:
        return ()
