"""What can be known of later steps before the first one runs: a mistake in the last one is not to cost hours."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.problems import dotted
from parallelrun.local.pipelines.loading import Loaded
from parallelrun.pipelines import check, compile
from parallelrun.pipelines.parameters import Value


def check_steps(loaded: Loaded, values: Mapping[str, Value]) -> None:
    """Raise ManifestError for every step that cannot run with these parameters, or whose script is not there."""
    places = compile.anywhere(loaded.spec)
    wrong: list[str] = []
    for step in loaded.spec["steps"]:
        spec = compile.job_spec(loaded.spec, step["name"], values, places, lambda one, output: f"{one}/{output}")
        said = problems_of(step, spec) or list(_missing(spec, loaded.path.absolute().parent))
        wrong += [f"step {step['name']}: {one}" for one in said]
    if wrong:
        raise ManifestError("\n".join(wrong), f"Parameters: {dict(values)}" if values else "")


def problems_of(step: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """What is wrong with the job of a step, each with its field in the pipeline."""
    found = check.of_job(spec)
    return [f"{dotted(check.path_in_step(step, problem.path))}: {problem.rule}" for problem in found]


def _missing(spec: Mapping[str, Any], base: Path) -> Iterator[str]:
    directory = spec["source"].get("directory")
    if directory is None or "://" in directory:
        return
    script = Path(os.path.normpath(base / directory / spec["entryScript"]))
    if not script.is_file():
        yield f"{script} is not there. {hints.missing_path(script)}"
