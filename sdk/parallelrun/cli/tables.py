"""Lists of things for people (a table) or programs (JSON, YAML, names), as `-o` says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from parallelrun.cli.terminal import give, one_line

Row = Sequence[object]


def give_as(form: str, value: Any, names: Sequence[str], headings: Sequence[str], rows: Sequence[Row]) -> None:
    """On stdout: ``value`` as JSON or YAML, or ``names`` one a line, or the table of ``rows``."""
    if form == "json":
        give(json.dumps(value, indent=2, default=str))
    elif form == "yaml":
        give(_as_yaml(value))
    elif form == "name":
        for name in names:
            give(name)
    else:
        give(table(headings, rows))


def table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """Columns as wide as they need; None is shown as "-". Cells are made safe for a terminal."""
    cells = [[("-" if cell is None else one_line(str(cell))) for cell in row] for row in rows]
    every = [list(headings), *cells] if any(headings) else cells
    widths = [max(len(row[column]) for row in every) for column in range(len(headings))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in every)


def _as_yaml(value: Any) -> str:
    import yaml

    plain = json.loads(json.dumps(value, default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).rstrip()
