"""`parallelrun list datasets` and the like: what is registered, of one kind."""

from __future__ import annotations

import argparse

from parallelrun.api import exit_codes
from parallelrun.api.kinds import REGISTERED, Kind
from parallelrun.api.registry import Entry
from parallelrun.cli import catalogue
from parallelrun.cli.tables import give_as
from parallelrun.cli.terminal import tell

#: As it is typed after `list`, and as kubectl has it.
PLURALS = tuple(kind.plural for kind in REGISTERED)


def execute(args: argparse.Namespace) -> int:
    """Print them; the exit code."""
    kind = next(kind for kind in REGISTERED if kind.plural == args.what)
    where = catalogue.chosen(args)
    entries = where.registry(kind).all(kind.name)
    columns = [column for column in kind.columns if column[2].startswith(".spec.") and column[2] != ".spec.name"]
    headings = ("NAME", *(heading.upper() for heading, _, _ in columns))
    rows = [(entry.name, *(_cell(entry, path) for _, _, path in columns)) for entry in entries]
    give_as(args.format, [dict(entry.document) for entry in entries], [_full_name(kind, e) for e in entries], headings,
            rows)  # fmt: skip
    if not entries:
        tell(f"There are no {kind.plural} in {where.name}.")
    return exit_codes.DONE


def _full_name(kind: Kind, entry: Entry) -> str:
    return f"{entry.name}:{entry.version}" if kind.versioned else entry.name


def _cell(entry: Entry, path: str) -> object:
    """The value at a column's path; None: there is none."""
    if path == ".spec.version":
        return entry.version
    value: object = entry.document
    for part in path.removeprefix(".").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return ", ".join(map(str, value)) if isinstance(value, list) else value
