"""What a step is made of: its script or job, with the pipeline's defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parallelrun.api.problems import Path

Json = Mapping[str, Any]

_DEFAULTS = ("environment", "computeTarget", "experiment", "volume")  # of every step that says none
_OF_RUNS = ("suspend", "cancel", "rerunOf", "reuseOf", "ttlSecondsAfterFinished")
#: What a job's own output is called among its outputs: its folder, and AppendRow's file in it.
RESERVED = OUTPUT, FILE = "output", "file"


def kind(step: Json) -> str:
    """``job`` or ``script``."""
    return "job" if step.get("job") is not None else "script"


def body(step: Json) -> Json:
    """The value of the step's ``job`` or ``script``."""
    found: Json = step.get(kind(step)) or {}
    return found


def with_defaults(spec: Json, step: Json) -> dict[str, Any]:
    """The step's body, with what the pipeline's ``spec`` says where it says nothing itself."""
    own = body(step)
    defaults = {name: spec[name] for name in _DEFAULTS if spec.get(name) and name not in own}
    tags = {**(spec.get("tags") or {}), **(own.get("tags") or {})}
    return {**defaults, **own, **({"tags": tags} if tags else {})}


def outputs(step: Json) -> list[str]:
    """The names of the folders that the step writes itself."""
    return [item["name"] for item in _outputs(step) if isinstance(item, dict) and isinstance(item.get("name"), str)]


def reserved_outputs(step: Json) -> Iterator[Path]:
    """Paths of outputs whose names mean something else."""
    for index, item in enumerate(_outputs(step)):
        if isinstance(item, dict) and item.get("name") in RESERVED:
            yield ("outputs", index, "name")


def fields_of_runs(step: Json) -> list[str]:
    """Fields of a job that the step has, though the run decides them."""
    return [name for name in _OF_RUNS if name in body(step)]


def _outputs(step: Json) -> list[Any]:
    found = body(step).get("outputs")
    return found if isinstance(found, list) else []
