"""Whether a file has a pipeline in it, told without parsing it: every `parallelrun run` asks."""

from __future__ import annotations

import re
from pathlib import Path

_PIPELINE = re.compile(rb"^kind[\"']?\s*:\s*[\"']?ParallelRunPipeline(Run)?\b", re.MULTILINE)
_JOB = re.compile(rb"^kind[\"']?\s*:\s*[\"']?ParallelRunJob\b", re.MULTILINE)


def is_pipeline(path: Path) -> bool:
    """Whether a file looks as if it had a pipeline in it, and no job."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return _PIPELINE.search(data) is not None and _JOB.search(data) is None
