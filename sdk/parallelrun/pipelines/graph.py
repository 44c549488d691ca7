"""Which step needs which, and in what order they may run. Specs are plain values, as a manifest has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.problems import Path, Problem, dotted
from parallelrun.pipelines import bodies, texts
from parallelrun.pipelines.bodies import FILE, OUTPUT

Json = Mapping[str, Any]

_ESCAPE = "Write $$(x) where the text $(x) itself is meant."


def needs(spec: Json) -> dict[str, frozenset[str]]:
    """The steps that each step waits for, in the order of the manifest. Raises ManifestError for what is not there."""
    return _sound(spec)


def order(spec: Json) -> list[str]:
    """The steps, each after all that it needs, else in the order of the manifest.

    Raises ManifestError that names what is not there, or the cycle.
    """
    return _ordered(_sound(spec))


def problems(spec: Json) -> list[Problem]:
    """What is wrong with references and order; paths begin at ``spec``."""
    found = list(_unknown(spec))
    if not found and (cycle := _cycle(_needs(spec))):
        number = next(index for index, step in enumerate(spec["steps"]) if step["name"] == cycle[0])
        found.append(Problem(("steps", number), f"steps wait for each other: {' -> '.join(cycle)}"))
    return found


def _sound(spec: Json) -> dict[str, frozenset[str]]:
    wrong = problems(spec)
    if wrong:
        lines = [f"spec.{dotted(problem.path)}: {problem.rule}" for problem in wrong]
        raise ManifestError("\n".join(lines), _ESCAPE if any("$(" in line for line in lines) else "")
    return _needs(spec)


def _needs(spec: Json) -> dict[str, frozenset[str]]:
    found = {}
    for step in spec["steps"]:
        named = {name.split(".")[1] for _, name in _references(spec, step) if name.startswith("steps.")}
        found[step["name"]] = frozenset(named | set(step.get("dependsOn") or ()))
    return found


def _references(spec: Json, step: Json) -> Iterator[tuple[Path, str]]:
    return texts.references(bodies.with_defaults(spec, step))


def _unknown(spec: Json) -> Iterator[Problem]:
    parameters = {parameter["name"] for parameter in spec.get("parameters") or ()}
    steps = {step["name"]: step for step in spec["steps"]}
    for number, step in enumerate(spec["steps"]):
        where = ("steps", number)
        for index, name in enumerate(step.get("dependsOn") or ()):
            if name not in steps:
                rule = f'there is no step "{name}". {hints.known("step", name, steps)}'
                yield Problem((*where, "dependsOn", index), rule)
        for path, name in _references(spec, step):
            said = _parameter(name, parameters) if name.startswith("params.") else _step_reference(name, steps)
            if said:
                yield Problem((*where, bodies.kind(step), *path), f"$({name}) refers to nothing: {said}")
        for name in bodies.fields_of_runs(step):
            rule = "is the run's to say, not a step's: see ParallelRunPipelineRun"
            yield Problem((*where, bodies.kind(step), name), rule)
        for path in bodies.reserved_outputs(step):
            rule = f'an output cannot be called "{OUTPUT}" or "{FILE}": a job\'s own output is'
            yield Problem((*where, bodies.kind(step), *path), rule)


def _parameter(name: str, parameters: set[str]) -> str:
    wanted = name.removeprefix("params.")
    if wanted in parameters:
        return ""
    return f'there is no parameter "{wanted}". {hints.known("parameter", wanted, parameters)}'


def _step_reference(name: str, steps: Mapping[str, Json]) -> str:
    _, step, *rest = name.split(".", 2)
    if step not in steps:
        return f'there is no step "{step}". {hints.known("step", step, steps)}'
    what = rest[0] if rest else ""
    if what in (OUTPUT, FILE):
        return "" if "job" in steps[step] else f"{step} is a script, which has only the outputs that it names."
    kind, _, output = what.partition(".")
    if kind != "outputs" or not output:
        return "write $(steps.STEP.outputs.NAME), $(steps.STEP.output) or $(steps.STEP.file)."
    known = bodies.outputs(steps[step])
    return "" if output in known else f'{step} has no output "{output}". {hints.known("output", output, known)}'


def _ordered(needed: Mapping[str, frozenset[str]]) -> list[str]:
    made: list[str] = []
    waiting = list(needed)
    while waiting:
        ready = next((name for name in waiting if needed[name] <= set(made)), None)
        if ready is None:
            return made
        made.append(ready)
        waiting.remove(ready)
    return made


def _cycle(needed: Mapping[str, frozenset[str]]) -> list[str]:
    """Steps that wait for each other, the first one again at the end; [] where there are none."""
    left = [name for name in needed if name not in _ordered(needed)]
    if not left:
        return []
    path = [left[0]]
    while True:
        following = min(name for name in needed[path[-1]] if name in left)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
