"""``--set spec.nodeCount=4``: values from the command line, put into the manifest before it is checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_origin

import yaml

from parallelrun.api import shape
from parallelrun.api.documents import parse_value
from parallelrun.api.errors import ManifestError
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.problems import Path, dotted, nearest

_PART = re.compile(r"((?:[^.\[\]=\\]|\\.)+)((?:\[\d+\])*)")
_HINT = 'Write it as --set spec.nodeCount=4 or --set "spec.inputs[0].paths=[images/*.png]".'


@dataclass(frozen=True)
class Override:
    """One ``--set``."""

    text: str
    path: Path
    value: Any  # None: the field is removed


def parse(sets: Sequence[str]) -> list[Override]:
    """Each "path=value", its value parsed as YAML. Raises ManifestError, also for a path that the manifest has not."""
    return [_parse(text) for text in sets]


def _parse(text: str) -> Override:
    dotted_path, equals, raw = text.partition("=")
    if not equals:
        raise ManifestError(f"--set {text}: there is no '=' in it.", _HINT)
    path = _path(text, dotted_path.strip())
    _check_known(text, path)
    try:
        return Override(text, path, parse_value(raw))
    except yaml.YAMLError as error:
        said = getattr(error, "problem", None) or str(error)
        raise ManifestError(f"--set {text}: the value is not YAML: {said}.", "Put text in quotes.") from None


def _path(text: str, dotted_path: str) -> Path:
    parts: list[str | int] = []
    position = 0
    while position < len(dotted_path):
        match = _PART.match(dotted_path, position)
        if match is None:
            raise ManifestError(f"--set {text}: {dotted_path!r} is not a path.", _HINT)
        parts.append(re.sub(r"\\(.)", r"\1", match.group(1)))
        parts += [int(index) for index in re.findall(r"\d+", match.group(2))]
        position = match.end()
        if position < len(dotted_path):
            if dotted_path[position] != "." or position + 1 == len(dotted_path):
                raise ManifestError(f"--set {text}: {dotted_path!r} is not a path.", _HINT)
            position += 1
    if not parts:
        raise ManifestError(f"--set {text}: there is no path before '='.", _HINT)
    return tuple(parts)


def _check_known(text: str, path: Path) -> None:
    annotation: Any = ParallelRunJob
    for depth, part in enumerate(path):
        inner = shape.child(annotation, part)
        if inner is None:
            raise ManifestError(f"--set {text}: {_unknown(annotation, path, depth)}", _hint(annotation, path, depth))
        annotation = inner


def _unknown(annotation: Any, path: Path, depth: int) -> str:
    around, part = dotted(path[:depth]) or "the manifest", path[depth]
    if get_origin(annotation) is list:
        return f"{around} is a list: [0] is its first element."
    if isinstance(part, int):
        return f"{around} is not a list."
    return f'there is no field "{part}" in {around}.'


def _hint(annotation: Any, path: Path, depth: int) -> str:
    part = path[depth]
    if not shape.is_model(annotation) or isinstance(part, int):
        return _HINT
    near = nearest(part, shape.fields(annotation))
    if near is None and depth == 0:
        near = nearest(part, shape.fields(shape.child(ParallelRunJob, "spec")))
        return f"Did you mean spec.{near}?" if near else f"The path starts with {', '.join(shape.fields(annotation))}."
    return (
        f"Did you mean {dotted((*path[:depth], near))}?" if near else "Fields: " + ", ".join(shape.fields(annotation))
    )


def apply(document: dict[str, Any], override: Override) -> None:
    """Put the value into ``document``, making objects on the way and adding at most one element to a list."""
    here: Any = document
    path = override.path
    for depth, part in enumerate(path):
        last = depth + 1 == len(path)
        if isinstance(part, int) and isinstance(here, list) and part == len(here):
            here.append(None)
        _check_place(override, here, depth)
        if last:
            here[part] = override.value
        else:
            fresh: Any = [] if isinstance(path[depth + 1], int) else {}
            there = here[part] if isinstance(part, int) else here.get(part)
            here[part] = fresh if there is None else there
            here = here[part]


def _check_place(override: Override, here: Any, depth: int) -> None:
    part, around = override.path[depth], dotted(override.path[:depth]) or "the manifest"
    if isinstance(part, int):
        if not isinstance(here, list):
            raise ManifestError(f"--set {override.text}: {around} is not a list in the manifest.", _HINT)
        if part >= len(here):
            raise ManifestError(
                f"--set {override.text}: {around} has {len(here)} elements.", f"The next one is [{len(here)}]."
            )
    elif not isinstance(here, dict):
        raise ManifestError(f"--set {override.text}: {around} is not an object in the manifest.", _HINT)
