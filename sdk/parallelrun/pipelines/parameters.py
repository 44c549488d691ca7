"""What the parameters of a run are: those it sets, the defaults of the others, each of its type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.rules.names import REFERENCE

Value = str | int | float | bool
Json = Mapping[str, Any]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_BOOLEANS = {"true": True, "false": False}


class Untyped(ValueError):
    """A value is not of its parameter's type."""


def resolve(spec: Json, given: Mapping[str, Any]) -> dict[str, Value]:
    """The value of each parameter of a pipeline's ``spec``: as ``given``, else its default.

    Raises ManifestError that names every parameter that is unknown, missing or not of its type.
    """
    declared = {parameter["name"]: parameter for parameter in spec.get("parameters") or ()}
    problems = [
        f"parameters.{name}: there is no such parameter. {hints.known('parameter', name, declared)}"
        for name in given.keys() - declared
    ]
    found: dict[str, Value] = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.get("default"))
        if value is None:
            problems.append(f"parameters.{name} has no default: this run has to set it{_about(parameter)}.")
            continue
        try:
            found[name] = typed(parameter.get("type", "string"), value)
        except Untyped as error:
            problems.append(f"parameters.{name}: {value!r} {error}.")
    if problems:
        raise ManifestError(
            "\n".join(sorted(problems)), "Set parameters with --param NAME=VALUE, or in spec.parameters."
        )
    return found


def typed(kind: str, value: Any) -> Value:
    """``value`` as one of the parameter type ``kind``. Raises Untyped that says what it is not."""
    if not isinstance(value, (str, int, float, bool)):
        raise Untyped("is neither text nor a number nor a boolean")
    return _READERS[kind](value)


def _string(value: Value) -> Value:
    if isinstance(value, bool):
        raise Untyped('is no text: put it in quotes, "true" or "false"')
    return value if isinstance(value, str) else str(value)


def _integer(value: Value) -> Value:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Untyped("is not an integer")


def _number(value: Value) -> Value:
    try:
        return _integer(value)
    except Untyped:
        pass
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Untyped("is not a number")
    return found


def _boolean(value: Value) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise Untyped("is neither true nor false")


def _registered(value: Value) -> Value:
    text = _string(value)
    if not re.match(REFERENCE, str(text)):
        raise Untyped("is no registered name, name:version or name@latest")
    return text


_READERS: dict[str, Callable[[Value], Value]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "dataset": _registered,
    "model": _registered,
}


def _about(parameter: Json) -> str:
    text = parameter.get("description")
    return f" ({text})" if text else ""
