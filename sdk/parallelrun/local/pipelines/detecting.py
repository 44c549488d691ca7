"""Whether a file has a pipeline in it, told without parsing it: every `parallelrun run` asks."""

from __future__ import annotations

import re
from pathlib import Path

from parallelrun.api.errors import ManifestError

_KINDS = ("ParallelRunPipeline", "ParallelRunPipelineRun")
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


def in_kustomization(folder: Path) -> Path | None:
    """The file with a pipeline among the resources of the kustomization in ``folder``; None: it has no pipeline.

    Its ConfigMaps are found by the pipeline's file, which stands beside it. Raises ManifestError for a file elsewhere.
    """
    if not any(is_pipeline(file) for file in folder.glob("*.y*ml")):
        return None
    from parallelrun.local import kustomize

    every = kustomize.load(folder).resources
    found = {path for path, document in every if document.get("kind") in _KINDS}
    if not found or any(document.get("kind") == "ParallelRunJob" for _, document in every):
        return None
    if len(found) > 1 or next(iter(found)).parent.resolve() != folder.resolve():
        names = ", ".join(sorted(map(str, found)))
        raise ManifestError(f"-k {folder}: a pipeline has to be in one file, in that folder: {names}.", "Run the file.")
    return found.pop()
