"""Makes a ParallelRunJob's spec of a step: references to parameters and other steps replaced, folders named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun.api.problems import Path, dotted
from parallelrun.pipelines import bodies, handed_on, texts
from parallelrun.pipelines.parameters import Value

Json = Mapping[str, Any]
Outputs = Mapping[str, Mapping[str, str]]
FolderOf = Callable[[str, str], str]

#: Fields of a script that its job calls otherwise.
RENAMED = {"timeoutSeconds": "runInvocationTimeoutSeconds", "maxTry": "runMaxTry"}
_SCRIPT_DEFAULTS = {"timeoutSeconds": 259_200, "maxTry": 1}


def job_spec(
    spec: Json, step: str, params: Mapping[str, Value], outputs_of: Outputs, folder_of: FolderOf
) -> dict[str, Any]:
    """The ``spec`` of the ParallelRunJob that does ``step`` of a pipeline's ``spec``.

    ``outputs_of``: of each step that it needs, where each output is, its own output being "output" and "file".
    ``folder_of(step, output)``: where an output goes that has no path. What is replaced is not checked here.
    Raises ManifestError for a step or output that is not there, with the field's path.
    """
    found = next((one for one in spec["steps"] if one["name"] == step), None)
    if found is None:
        raise ManifestError(f'There is no step "{step}" in this pipeline.')

    def value(path: Path, name: str) -> Any:
        return _value(path, name, step, params, outputs_of)

    body = handed_on.as_side_inputs(bodies.with_defaults(spec, found), value)
    made: dict[str, Any] = texts.replace(body, value)
    if bodies.kind(found) == "script":
        made = _of_script(made)
    elif _appends(made):
        made["output"] = {"path": folder_of(step, "output"), **(made.get("output") or {})}
    if isinstance(made.get("outputs"), list):
        made["outputs"] = [_placed(item, step, folder_of) for item in made["outputs"]]
    return made


def anywhere(spec: Json) -> dict[str, dict[str, str]]:
    """Some path for every output that steps may leave: for checking steps before anything has run."""
    return {
        step["name"]: {name: f"{step['name']}/{name}" for name in (*bodies.outputs(step), *bodies.RESERVED)}
        for step in spec["steps"]
    }


def _value(path: Path, name: str, step: str, params: Mapping[str, Value], outputs_of: Outputs) -> Any:
    where = f"step {step}: {dotted(path)}"
    if name.startswith("params."):
        wanted = name.removeprefix("params.")
        if wanted not in params:
            raise ManifestError(f"{where}: there is no parameter {wanted}.")
        return params[wanted]
    _, other, what = name.split(".", 2)
    there = outputs_of.get(other, {})
    output = what.removeprefix("outputs.")
    if output not in there:
        raise ManifestError(
            f"{where}: $({name}) is not there: step {other} has left no {output}.",
            "A job has output and file with action AppendRow only, file not where nothing was returned.",
        )
    return there[output]


def _of_script(script: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {RENAMED.get(name, name): value for name, value in {**_SCRIPT_DEFAULTS, **script}.items()}
    return {**renamed, "runOnce": True}


def _appends(job: Mapping[str, Any]) -> bool:
    """Whether the job has an output of its own, which no program and no SummaryOnly has."""
    output = job.get("output")
    action = output.get("action") if isinstance(output, dict) else None
    return action != "SummaryOnly" and job.get("runOnce") is not True and isinstance(output, (dict, type(None)))


def _placed(output: Any, step: str, folder_of: FolderOf) -> Any:
    if not isinstance(output, dict) or output.get("path") or not isinstance(output.get("name"), str):
        return output
    return {**output, "path": folder_of(step, output["name"])}
