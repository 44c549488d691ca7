"""Whether a file has a pipeline in it, told without parsing it: every `parallelrun run` asks."""

from __future__ import annotations

import re
from pathlib import Path

_KIND = rb"(?m)(?:^\s*|[{,]\s*)[\"']?kind[\"']?\s*:\s*[\"']?"
_PIPELINE = re.compile(_KIND + rb"ParallelRunPipeline(Run)?\b")
_JOB = re.compile(_KIND + rb"ParallelRunJob\b")


def is_pipeline(path: Path) -> bool:
    """Whether a file looks as if it had a pipeline in it, and no job."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return _PIPELINE.search(data) is not None and _JOB.search(data) is None
