"""What became of each field: mapped, approximated, or not to be mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from parallelrun.api import web_addresses
from parallelrun.api.problems import Path, dotted, short

#: mapped: means the same here. approximated: nearly, or it has no meaning here; ``todo`` says what to look at.
#: lost: the user has to do something about it.
Outcome = Literal["mapped", "approximated", "lost"]


@dataclass(frozen=True)
class Finding:
    """What became of one field."""

    outcome: Outcome
    file: str
    line: int
    field: str  # dotted, as in the file
    value: str  # on one line
    became: str  # what is there instead, or why nothing is
    todo: str = ""  # what to do about it


@dataclass
class Findings:
    """All of them, each once, in the order in which they were found."""

    _found: dict[Finding, None] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Finding]:
        """Each finding once."""
        return iter(self._found)

    def add(self, outcome: Outcome, file: str, line: int, path: Path, value: Any, became: str, todo: str = "") -> None:
        """Keep one; of fields of a component that several steps use, the same is kept once."""
        text = "" if value is None else web_addresses.shown(short(value))
        made = Finding(outcome, file, line, dotted(path), text, web_addresses.shown(became), todo)
        self._found.setdefault(made)

    def of(self, outcome: Outcome) -> list[Finding]:
        """Those with this outcome, in the order of files and lines."""
        return sorted((one for one in self if one.outcome == outcome), key=lambda one: (one.file, one.line))
