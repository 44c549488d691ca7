"""All that is wrong with a manifest's values: what the models say, in the API server's words, and the rules."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from parallelrun.api import rules, shape
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.models.base import Model
from parallelrun.api.problems import NOTHING, Path, Problem, nearest
from parallelrun.api.rule import Rule, broken_rules


def problems(
    document: dict[str, Any], model: type[Model] = ParallelRunJob, table: Sequence[Rule] = rules.RULES
) -> list[Problem]:
    """Everything that is wrong with ``document`` (without nulls), by path; lines are not known here.

    ``model`` and ``table`` say what it is to be: a ParallelRunJob, or one of ``kinds.REGISTERED``.
    """
    found: dict[Path, Problem] = {}
    for problem in _model_problems(document, model):
        found.setdefault(problem.path, problem)
    malformed = {_meant(model, path) for path in found}
    filled = shape.with_defaults(model, document)
    broken = [
        Problem(path, rule.message, value=_scalar_at(document, path), example=rule.example)
        for rule, path in broken_rules(table, filled, malformed)
    ]
    return [*found.values(), *broken]


def _scalar_at(value: Any, path: Path) -> Any:
    """What is worth showing of the value at ``path``: objects that break a rule are not, nor what is only a default."""
    for part in path:
        if isinstance(value, dict) and part not in value:
            return NOTHING
        value = value[part]
    return NOTHING if isinstance(value, dict) else value


def moved(problem: Problem, line: int | None = None, source: str = "") -> Problem:
    """``problem``, with its place."""
    return dataclasses.replace(problem, line=line, source=source)


def _meant(root: type[Model], path: Path) -> Path:
    """``path``; for an unknown field that of the field it was meant to be, which is then not missed as well."""
    model = shape.at(root, path[:-1])
    if not shape.is_model(model) or shape.child(model, path[-1]) is not None:
        return path
    near = nearest(str(path[-1]), shape.fields(model))
    return (*path[:-1], near) if near else path


def _model_problems(document: dict[str, Any], root: type[Model]) -> Iterator[Problem]:
    try:
        root.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return
    paths = [_path(root, detail) for detail in details]
    unknown = {_meant(root, path) for path in paths if _meant(root, path) != path}
    for detail, path in zip(details, paths, strict=True):
        if not (detail["type"] == "missing" and path in unknown):
            yield _problem(root, detail, path)


def _path(root: type[Model], detail: ErrorDetails) -> Path:
    """Where it is in the manifest; pydantic adds the members of a union and marks of keys."""
    path: Path = ()
    for part in detail["loc"]:
        if shape.at(root, (*path, part)) is None and detail["type"] != "extra_forbidden":
            break
        path = (*path, part)
    return path


def _problem(root: type[Model], detail: ErrorDetails, path: Path) -> Problem:
    kind, limits, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return _unknown_field(root, path, value)
    example = example_for(root, path)
    if kind == "missing":
        return Problem(path, "is required", example=example)
    if kind == "literal_error":
        words = ", ".join(f'"{choice}"' for choice in choices(root, path))
        return Problem(path, f"supported values: {words}" if words else detail["msg"], value=value, example=example)
    rule = _RULES.get(kind)
    if rule is not None:
        return Problem(path, rule.format(**limits), value=value, example=example)
    return Problem(path, _type_rule(root, path, value), value=value, example=_quoted(root, path, value) or example)


_RULES = {
    "greater_than": "should be greater than {gt}",
    "greater_than_equal": "should be greater than or equal to {ge}",
    "less_than_equal": "should be less than or equal to {le}",
    "string_too_short": "should be at least {min_length} characters long",
    "string_too_long": "may not be longer than {max_length} characters",
    "too_short": "should have at least {min_length} items",
    "too_long": "should have at most {max_length} items",
    "finite_number": "must be a finite number",
}


def _type_rule(root: type[Model], path: Path, value: Any) -> str:
    wanted = shape.type_word(shape.at(root, path))
    rule = f"must be of type {wanted}, not {shape.value_type_word(value)}"
    return f"{rule}: put it in quotes" if _quoted(root, path, value) else rule


def _quoted(root: type[Model], path: Path, value: Any) -> str:
    """The example for a bare number or boolean where text is wanted: the same, in quotes."""
    annotation = shape.at(root, path)
    if annotation is not str or isinstance(value, (dict, list)) or value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'- "{text}"' if isinstance(path[-1], int) else f'{path[-1]}: "{text}"'


def choices(root: type[Model], path: Path) -> tuple[Any, ...]:
    """The values that the field at ``path`` may have, where they are listed."""
    from typing import Literal, get_args, get_origin

    annotation = shape.at(root, path)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _unknown_field(root: type[Model], path: Path, value: Any) -> Problem:
    model = shape.at(root, path[:-1])
    name = str(path[-1])
    near = nearest(name, shape.fields(model)) if shape.is_model(model) else None
    if near is None:
        elsewhere = nearest(name, shape.fields(shape.at(root, ("spec",))))
        if elsewhere == name and path[:-1] != ("spec",):
            return Problem(path, f"unknown field; {name} belongs directly under spec", value=value)
        known = ", ".join(shape.fields(model)) if shape.is_model(model) else ""
        return Problem(path, f"unknown field; known here: {known}", value=value)
    return Problem(
        path, f"unknown field; did you mean {near}?", value=value, example=example_for(root, (*path[:-1], near))
    )


def example_for(root: type[Model], path: Path) -> str:
    """YAML that works at ``path``, on one line: of the innermost field around it that has an example."""
    for depth in range(len(path), 0, -1):
        model = shape.at(root, path[: depth - 1])
        info = shape.fields(model).get(str(path[depth - 1])) if shape.is_model(model) else None
        if info is not None and info.examples:
            example, name = info.examples[0], path[depth - 1]
            is_item = depth + 1 == len(path) and isinstance(path[depth], int) and isinstance(example, list)
            return f"- {_flow(example[0])}" if is_item else f"{name}: {_flow(example)}"
    return ""


def _flow(value: Any) -> str:
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.strip()[1:-1]
