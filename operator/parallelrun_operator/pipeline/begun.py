"""What a run goes by from its beginning to its end: its copy of the pipeline and its parameters, both in status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parallelrun.api.models.pod import DEFAULT_CLAIM

Json = dict[str, Any]


@dataclass(frozen=True)
class Begun:
    """Of a run that has begun."""

    spec: Json  # the pipeline's
    parameters: Json  # all of them, each of its type

    @property
    def claim(self) -> str:
        """That the run's folders are on."""
        return str((self.spec.get("volume") or {}).get("claimName") or DEFAULT_CLAIM)


def of(status: Mapping[str, Any]) -> Begun | None:
    """As a run's status has it; None where it has not begun."""
    spec = status.get("pipelineSpec")
    return Begun(dict(spec), dict(status.get("parameters") or {})) if spec else None
