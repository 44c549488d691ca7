"""The second sentence of an error: what the user may have meant, from the names that exist."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

SHOWN = 8  # names listed in a hint: more would not fit on the screen beside the message


def known(what: str, name: str, names: Iterable[str]) -> str:
    """One sentence on ``names`` (what there is of ``what``): the nearest to ``name``, or the first few, or none."""
    there = sorted(names)
    close = nearest(name, there)
    if close:
        return f'Did you mean "{close}"?'
    if not there:
        return f"There is no {what} at all."
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return f"There is: {', '.join(there[:SHOWN])}{more}."


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that ``name`` is most likely a misspelling of."""
    from parallelrun.api import problems  # only a mistake needs it

    return problems.nearest(name, names)


def missing_path(path: Path) -> str:
    """Where a path that is not there goes wrong: the nearest folder that exists, and the nearest name in it."""
    parent, name = path.parent, path.name
    while not parent.exists() and parent != parent.parent:
        parent, name = parent.parent, parent.name
    if not parent.is_dir():
        return f"{parent} is a file, not a folder."
    try:
        names = os.listdir(parent)
    except OSError as error:
        return f"{parent} cannot be read: {error.strerror}."
    return f'{parent} holds no "{name}". ' + known("file", name, names)
