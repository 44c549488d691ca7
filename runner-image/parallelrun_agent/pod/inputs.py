"""Whether what a job reads is there: said before anything starts, in the words of a local run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings
from parallelrun_agent.plan.patterns import parse

Spec = Mapping[str, Any]


def check(settings: JobSettings, spec: Spec) -> None:
    """Raise InputError for the first literal path that is not there; ``spec`` is the manifest's, for its words."""
    for number, one in enumerate(settings.inputs):
        texts: Sequence[str] = spec["inputs"][number]["paths"]
        for index, path in enumerate(one.paths):
            needed = os.fsdecode(parse(path).base)
            if not one.allow_empty:
                _require(f"spec.inputs[{number}].paths[{index}]", texts[index], needed)
    _require_all("sideInputs", settings.side_inputs, spec)
    _require_all("models", {one.name: one.path for one in settings.models}, spec)


def _require_all(field: str, paths: Mapping[str, str], spec: Spec) -> None:
    for number, one in enumerate(spec.get(field) or []):
        _require(f"spec.{field}[{number}].path", one["path"], paths[one["name"]])


def _require(where: str, text: str, path: str) -> None:
    if not os.path.exists(path):
        raise InputError(f"{where}: {text} does not exist.", hints.missing_path(Path(path)))
