"""What is wrong with a manifest, all of it at once, in the words that ``kubectl apply`` would use."""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from parallelrun.api.errors import ManifestError

Path = tuple[str | int, ...]
MAX_SHOWN, MAX_LINES, MAX_CHARACTERS = 12, 36, 3500  # what fits on one screen; one problem is always shown
NOTHING = object()  # no value to show: the field is missing, or the problem is not about one


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what is there, the rule in words, and YAML that works in its place."""

    path: Path
    rule: str
    line: int | None = None
    value: Any = NOTHING
    example: str = ""
    source: str = ""  # what to show instead of the line: the --set that gave the value

    def render(self, name: str) -> str:
        """Two or three lines for people."""
        place = self.source or (f"{name}:{self.line}" if self.line else name)
        field = dotted(self.path)
        shown = "" if self.value is NOTHING else short(self.value)
        head = ": ".join(part for part in (place, field, shown) if part)
        lines = [head, f"    {self.rule}"]
        if self.example:
            lines.append("    for example:  " + self.example.replace("\n", "\n                  "))
        return "\n".join(lines)


class ManifestProblems(ManifestError):
    """A ManifestError with its problems apart, for programs."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def report(name: str, problems: Iterable[Problem]) -> ManifestProblems:
    """The error for ``problems`` of the file ``name``, in the order of their lines; to be raised."""
    ordered = sorted(problems, key=lambda problem: (problem.line is None, problem.line or 0))
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    text, shown = f"{name}: {count}", 0
    for problem in ordered[:MAX_SHOWN]:
        longer = f"{text}\n\n{problem.render(name)}"
        if shown and (len(longer) > MAX_CHARACTERS or longer.count("\n") >= MAX_LINES):
            break
        text, shown = longer, shown + 1
    if len(ordered) > shown:
        text += f"\n\n... and {len(ordered) - shown} more"
    return ManifestProblems(text, ordered)


def dotted(path: Path) -> str:
    """``spec.inputs[0].paths``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def short(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be."""
    names = list(known)
    folded = {other.lower().replace("_", "").replace("-", ""): other for other in names}
    key = name.lower().replace("_", "").replace("-", "")
    if key in folded:
        return folded[key]
    near = difflib.get_close_matches(key, folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None
