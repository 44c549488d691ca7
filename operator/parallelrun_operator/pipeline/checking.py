"""What is wrong with a pipeline, all of it, before any of its steps runs: also what the API server cannot see."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.api.problems import dotted
from parallelrun.api.shape import without_nulls
from parallelrun.pipelines import bodies
from parallelrun.pipelines import check as pipelines

Json = dict[str, Any]


def check(spec: Json, values: Mapping[str, Any] | None = None) -> None:
    """Raise ManifestError with all that is wrong with a pipeline, by step and field.

    ``values``: of all parameters, where a run has them; else their defaults count.
    """
    filled = copy.deepcopy(without_nulls(spec))
    for one in filled.get("parameters") or () if values is not None else ():
        one["default"] = (values or {})[one["name"]]
    document = {"apiVersion": API_VERSION, "kind": PIPELINE, "metadata": {"name": "pipeline"}, "spec": filled}
    found = [f"{_place(filled, problem.path)}: {problem.rule}" for problem in pipelines.problems(document)]
    found += [
        f"step {step['name']}: {bodies.kind(step)}.source.directory: a folder of somebody's machine is not seen here; "
        "`parallelrun submit` packs it"
        for step in filled["steps"]
        if (bodies.body(step).get("source") or {}).get("directory")
    ]
    if found:
        raise ManifestError("\n".join(found))


def _place(spec: Json, path: tuple[str | int, ...]) -> str:
    """``step score: job.entryScript``: steps by their names."""
    if path[:2] == ("spec", "steps") and len(path) > 2 and isinstance(path[2], int):
        return f"step {spec['steps'][path[2]]['name']}: {dotted(path[3:])}".rstrip(": ")
    return dotted(path)
