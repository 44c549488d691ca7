"""From what Python code says to what YAML says: names, paths and helper objects. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol, get_args, get_origin, runtime_checkable

Json = dict[str, Any]


@runtime_checkable
class SpecPart(Protocol):
    """Something that stands for a part of a spec, such as :class:`parallelrun.Files`."""

    def as_spec(self) -> Any:
        """That part, as YAML would have it."""


def job_spec(values: Mapping[str, Any]) -> Json:
    """A ParallelRunJob's spec of its fields by their Python names; those that are None are left out."""
    from parallelrun.api.models.spec import ParallelRunJobSpec

    return _spec(values, ParallelRunJobSpec)


def script_spec(values: Mapping[str, Any]) -> Json:
    """The ``script`` of a pipeline's step, likewise."""
    from parallelrun.api.models.pipeline import ScriptStep

    spec = _spec(values, ScriptStep)
    if "outputs" in spec:  # without a path they are of the run's own
        named = [{"name": one} if isinstance(one, str) else one for one in spec["outputs"]]
        spec["outputs"] = [{key: item for key, item in one.items() if item is not None} for one in named]
    return spec


def pipeline_spec(values: Mapping[str, Any]) -> Json:
    """A ParallelRunPipeline's spec, likewise."""
    from parallelrun.api.models.pipeline import ScheduledPipelineSpec

    return _spec(values, ScheduledPipelineSpec)


def _spec(values: Mapping[str, Any], model: Any) -> Json:
    spec: Json = plain({name: value for name, value in values.items() if value is not None}, model)
    return _with_shorthands(spec)


def plain(value: Any, annotation: Any = None) -> Any:
    """``value`` as YAML has it, where a field of type ``annotation`` stands: nested fields get their YAML names.

    Names that are no field's are kept as they are: whoever checks the manifest says so.
    """
    from parallelrun.api import shape

    if isinstance(value, SpecPart):
        return plain(value.as_spec(), annotation)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        if not shape.is_model(annotation):
            return {str(key): plain(item, shape.child(annotation, str(key))) for key, item in value.items()}
        known = annotation.model_fields
        names = {key: known[key].alias or key if key in known else str(key) for key in value}
        return {names[key]: plain(item, shape.child(annotation, names[key])) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        inner = shape.plain(get_args(annotation)[0]) if get_origin(annotation) is list else None
        return [plain(item, inner) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return plain(value.item(), annotation)
    return value


def _with_shorthands(spec: Json) -> Json:
    """What Python code may say more shortly than YAML."""
    source = spec.get("source")
    if isinstance(source, str):
        spec["source"] = {"directory": source}
    for name in ("sideInputs", "models", "outputs"):
        if isinstance(spec.get(name), dict):
            spec[name] = [{"name": key, "path": path} for key, path in spec[name].items()]
    if "models" in spec:
        spec["models"] = [{"name": one} if isinstance(one, str) else one for one in spec["models"]]
    if isinstance(spec.get("environment"), str):
        spec["environment"] = {"name": spec["environment"]}
    variables = (spec.get("environment") or {}).get("env")
    if isinstance(variables, dict):
        spec["environment"]["env"] = [{"name": key, "value": str(value)} for key, value in variables.items()]
    if "arguments" in spec:
        spec["arguments"] = [str(one) for one in spec["arguments"]]
    if "inputs" in spec:
        spec["inputs"] = _named(spec["inputs"])
    return spec


def _named(inputs: list[Any]) -> list[Any]:
    """``inputs``, those without a name called input, input2, ... by their place."""
    return [
        {"name": "input" if place == 0 else f"input{place + 1}", **one} if isinstance(one, dict) else one
        for place, one in enumerate(inputs)
    ]
