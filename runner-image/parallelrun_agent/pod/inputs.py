"""Whether what a job reads is there: said before anything starts, in the words of a local run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan.patterns import parse
from parallelrun_agent.storage.places import is_url

Spec = Mapping[str, Any]


def check(settings: JobSettings, spec: Spec) -> None:
    """Raise InputError for the first literal path that is not there; ``spec`` is the manifest's, for its words.

    What is on object stores is for the planner, who has the credentials.
    """
    for number, one in enumerate(settings.inputs):
        for index, path in enumerate(one.paths):
            if not is_url(path) and not one.allow_empty:
                where, text = _said(spec["inputs"][number], f"spec.inputs[{number}]", "paths", index, path)
                _require(where, text, os.fsdecode(parse(path).base))
    _require_all("sideInputs", settings.side_inputs, spec)
    _require_all("models", {one.name: one.path for one in settings.models}, spec)


def _said(one: Spec, where: str, field: str, index: int, path: str) -> tuple[str, str]:
    """The field that a path comes from, and the path as it stands there."""
    if one.get(field):
        return f"{where}.{field}[{index}]", one[field][index]
    return f"{where}.dataset", f"{path} (of the dataset {one.get('dataset')})"


def _require_all(field: str, paths: Mapping[str, str], spec: Spec) -> None:
    for number, one in enumerate(spec.get(field) or []):
        path = paths[one["name"]]
        if not is_url(path):
            text = one.get("path") or f"{path} (of the registered {one['name']})"
            _require(f"spec.{field}[{number}].path", text, path)


def _require(where: str, text: str, path: str) -> None:
    if not os.path.exists(path):
        raise InputError(f"{where}: {text} does not exist.", hints.missing_path(Path(path)))
