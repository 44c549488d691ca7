"""All that is wrong with a pipeline: its own fields, references and order, and each step as the job that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from parallelrun.api import checks
from parallelrun.api.kinds import PIPELINES
from parallelrun.api.models import API_VERSION, KIND
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.api.problems import Path, Problem
from parallelrun.pipelines import bodies, compile, graph, parameters, texts

Json = Mapping[str, Any]

_KINDS = {kind.name: kind for kind in PIPELINES}
_ORIGINAL = {new: old for old, new in compile.RENAMED.items()}
#: Stands for a value that only a run knows, where its type asks for one of that type.
_ANY: dict[str, parameters.Value] = {"integer": 1, "number": 1, "boolean": True}


def problems(document: dict[str, Any]) -> list[Problem]:
    """Everything that is wrong with a ParallelRunPipeline or a ParallelRunPipelineRun (without nulls), by path.

    Steps are looked at with the parameters' defaults, and no more closely than that where there are none.
    """
    kind = _KINDS[document["kind"]]
    found = checks.problems(document, kind.model, kind.rules)
    if found:
        return found
    spec = document["spec"]
    if kind.name == PIPELINE:
        return [*_of_pipeline(spec, ("spec",)), *_of_schedule(spec)]
    if "pipelineSpec" not in spec:
        return []
    inline = spec["pipelineSpec"]
    wrong = list(_of_pipeline(inline, ("spec", "pipelineSpec")))
    return wrong or list(_of_values(inline, spec.get("parameters") or {}, ("spec", "parameters")))


def of_job(spec: Json, name: str = "step") -> list[Problem]:
    """What is wrong with a compiled job's ``spec``, by path from the job's root."""
    job = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
    return checks.problems(job)


def path_in_step(step: Json, path: Path) -> Path:
    """Where in the pipeline's step stands what is at ``path`` of its job ("spec", ...)."""
    kind, inner = bodies.kind(step), path[1:]
    if kind == "script" and inner:
        inner = (_ORIGINAL.get(str(inner[0]), inner[0]), *inner[1:])
    return (kind, *inner)


def _of_pipeline(spec: Json, place: Path) -> Iterator[Problem]:
    wrong = graph.problems(spec)
    if wrong:
        yield from (replace(problem, path=(*place, *problem.path)) for problem in wrong)
        return
    for number, parameter in enumerate(spec.get("parameters") or ()):
        if "default" in parameter:
            path = (*place, "parameters", number, "default")
            yield from _of_value(parameter, parameter["default"], path)
    for number, step in enumerate(spec["steps"]):
        yield from _of_step(spec, step, (*place, "steps", number))


def _of_value(parameter: Json, value: Any, path: Path) -> Iterator[Problem]:
    try:
        parameters.typed(parameter.get("type", "string"), value)
    except parameters.Untyped as error:
        yield Problem(path, f"{error}", value=value)


def _of_values(spec: Json, given: Json, place: Path) -> Iterator[Problem]:
    declared = {parameter["name"]: parameter for parameter in spec.get("parameters") or ()}
    for name, value in given.items():
        if name not in declared:
            yield Problem((*place, name), "the pipeline has no such parameter", value=value)
        else:
            yield from _of_value(declared[name], value, (*place, name))
    for name, parameter in declared.items():
        if "default" not in parameter and name not in given:
            yield Problem(place, f"{name} has no default: it has to be set here")


def _of_schedule(spec: Json) -> Iterator[Problem]:
    if "schedule" in spec:
        given = spec["schedule"].get("parameters") or {}
        yield from _of_values(spec, given, ("spec", "schedule", "parameters"))


def _of_step(spec: Json, step: Json, place: Path) -> Iterator[Problem]:
    unset = {one["name"] for one in spec.get("parameters") or () if "default" not in one}
    params = {one["name"]: _default(one) for one in spec.get("parameters") or ()}
    made = compile.job_spec(
        spec, step["name"], params, compile.anywhere(spec), lambda other, output: f"{other}/{output}"
    )
    open_ = [
        path
        for path, name in texts.references(bodies.with_defaults(spec, step))
        if name.removeprefix("params.") in unset
    ]
    for problem in of_job(made):
        if not any(_overlap(problem.path[1:], path) for path in open_):
            yield replace(problem, path=(*place, *path_in_step(step, problem.path)))


def _default(parameter: Json) -> parameters.Value:
    kind = parameter.get("type", "string")
    if "default" not in parameter:
        return _ANY.get(kind, "x")
    try:
        return parameters.typed(kind, parameter["default"])
    except parameters.Untyped:
        return _ANY.get(kind, "x")  # said elsewhere


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
