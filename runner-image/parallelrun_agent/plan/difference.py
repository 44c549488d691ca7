"""What differs between two plans, in a sentence that people can act on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from parallelrun.api import web_addresses
from parallelrun_agent.plan.columns import Table
from parallelrun_agent.plan.draft import FILES
from parallelrun_agent.plan.patterns import below
from parallelrun_agent.plan.reader import PlanReader

_FIELDS = ("path", "size", "mtime_ns", "input")
#: path, size, mtime_ns, input
_Row = tuple[bytes, int, int, int]


def difference(old: Path, new: Path) -> str:
    """The first file that differs between two plans' folders, or else the first setting; "" where nothing does."""
    before, after = PlanReader(old).document, PlanReader(new).document
    for was, now in zip_longest(_rows(old), _rows(new)):
        if was != now:
            return _sentence(was, now, old, new, before if was else after)
    return _setting("", *({k: v for k, v in one.items() if k not in ("tables", "total")} for one in (before, after)))


def _setting(name: str, was: Any, now: Any) -> str:
    """The first setting within ``name`` that differs, in a sentence."""
    if was == now:
        return ""
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        was, now = (dict(enumerate(one)) for one in (was, now))
    if isinstance(was, dict) and isinstance(now, dict):
        inner = (_setting(f"{name}.{key}", was.get(key), now.get(key)) for key in [*was, *(now.keys() - was.keys())])
        return next(filter(None, inner), f"{name.lstrip('.')} changed")
    return web_addresses.shown(f"{name.lstrip('.')} is {now!r}, was {was!r}")


def _rows(folder: Path) -> Iterator[_Row]:
    for batch in Table(folder / FILES).batches():
        yield from zip(*(batch[name] for name in _FIELDS), strict=True)


def _sentence(was: _Row | None, now: _Row | None, old: Path, new: Path, document: dict[str, Any]) -> str:
    if was is not None and now is not None and was[0] == now[0]:
        name = _shown(was, document)
        if was[1] != now[1]:
            return f"{name} changed: {now[1]} bytes, was {was[1]}"
        if was[2] != now[2]:
            return f"{name} changed: it was written again ({was[1]} bytes as before)"
        return f"{name} belongs to input {now[3] + 1}, was {was[3] + 1}"
    if now is not None and not _holds(old, now[0]):
        return f"{_shown(now, document)} is new"
    if was is not None and not _holds(new, was[0]):
        return f"{_shown(was, document)} is gone"
    return "the order of the files changed"


def _holds(folder: Path, path: bytes) -> bool:
    return any(row[0] == path for row in _rows(folder))


def _shown(row: _Row, document: dict[str, Any]) -> str:
    """A file's name below the root of its input."""
    roots = [one["root"] for one in document["inputs"]]
    path = web_addresses.shown(os.fsdecode(row[0]))
    root = roots[row[3]] if row[3] < len(roots) else ""
    return below(os.fsencode(path), root) if root and path.startswith(root.rstrip("/") + "/") else path
