"""``$(params.x)`` and ``$(steps.x. ...)`` in the texts of a step: finding them, and putting values in their place.

Other names in ``$(...)`` are the job's own, which replaces them when it runs.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator
from typing import Any

from parallelrun.api.problems import Path
from parallelrun.api.reference import REFERENCE

_STEPS = "steps."
OURS = ("params.", _STEPS)
#: Where the job looks for $(...) itself: what is put in there is escaped, so that it stays as it is.
_OF_JOB = (("arguments",), ("environment", "env"))


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(path, name) of each reference to a parameter or a step in the texts of ``value``, a step's job or script."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))
    elif isinstance(value, str):
        for escaped, name in REFERENCE.findall(value):
            if not escaped and name.startswith(OURS):
                yield path, name


def replace(value: Any, find: Callable[[Path, str], Any], path: Path = ()) -> Any:
    """``value`` with each of these references replaced by what ``find`` says of its path and name.

    Text that is nothing but one reference becomes what was found, with its type.
    """
    if isinstance(value, dict):
        return {key: replace(item, find, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [replace(item, find, (*path, index)) for index, item in enumerate(value)]
    return _replaced(value, find, path) if isinstance(value, str) else value


def _replaced(text: str, find: Callable[[Path, str], Any], path: Path) -> Any:
    whole = REFERENCE.fullmatch(text)
    of_job = any(path[: len(place)] == place for place in _OF_JOB)
    among_wildcards = path[:1] == ("inputs",) and "paths" in path and glob.has_magic(REFERENCE.sub("", text))

    def put(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if not name.startswith(OURS):
            return match.group(0)
        if escaped:
            return match.group(0) if of_job else match.group(0)[1:]
        said = _text(find(path, name))
        if among_wildcards and name.startswith(_STEPS):  # a folder may have such characters in its own name
            said = glob.escape(said)
        return REFERENCE.sub(r"$\g<0>", said) if of_job else said

    if whole is None or whole.group(1) or not whole.group(2).startswith(OURS) or of_job:
        return REFERENCE.sub(put, text)
    return find(path, whole.group(2))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
