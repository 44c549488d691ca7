"""What a job *is*: all of its manifest that may not change while it runs or over a resume, and the hash of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parallelrun.api.mutable import MUTABLE

if TYPE_CHECKING:
    from parallelrun.api.models import ParallelRunJob


def spec_of(job: ParallelRunJob) -> dict[str, Any]:
    """All that may not change: the job's name and spec, with every default filled in, without the mutable fields."""
    spec = job.spec.model_dump(mode="json", by_alias=True)
    return {
        "metadata": {"name": job.metadata.name},
        "spec": {key: value for key, value in spec.items() if key not in MUTABLE},
    }


def spec_hash(spec: Mapping[str, Any]) -> str:
    """The SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
