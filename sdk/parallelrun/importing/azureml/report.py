"""The account of an import, for people: REPORT.md and what the command prints."""

from __future__ import annotations

from collections.abc import Iterable

from parallelrun.importing.azureml.findings import Finding, Findings, Outcome

TITLE = "# Import of "
_TITLES: dict[Outcome, tuple[str, str]] = {
    "lost": ("Could not be mapped", "Something has to be done about each of these."),
    "approximated": ("Approximated", "Nearly the same here, or without meaning here: worth a look."),
    "mapped": ("Mapped", "The same here."),
}
_DIFFERENT = """\
## What differs here

- Results are in input order, each exactly once, whatever was tried again; there they may be doubled and in any order.
- A run is a success there though every item failed: both thresholds are -1 by default. Imported jobs say
  `errorThreshold: -1`; write `0`, the default here, to have the first failed item fail the job.
- Fewer results than items count as failed items here; under `errorThreshold: -1` they are only counted.
"""


def markdown(file: str, findings: Findings) -> str:
    """REPORT.md, on the import of ``file``."""
    parts = [f"{TITLE}{file}\n", f"{counts(findings)}.\n"]
    for outcome, (title, about) in _TITLES.items():
        found = findings.of(outcome)
        if found:
            parts += [f"## {title}\n", f"{about}\n", _table(found, with_todo=outcome != "mapped")]
    return "\n".join([*parts, _DIFFERENT])


def counts(findings: Findings) -> str:
    """How many fields fared how, in a line."""
    return (
        f"{len(findings.of('mapped'))} fields mapped, {len(findings.of('approximated'))} approximated, "
        f"{len(findings.of('lost'))} could not be mapped"
    )


def lines(findings: Findings) -> list[str]:
    """What could not be mapped, for the terminal: fields of which the same is to be said stand together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in findings.of("lost"):
        value = f" {one.value}" if one.value else ""
        alike.setdefault((one.became, one.todo), []).append(f"{one.file}:{one.line}: {one.field}:{value}")
    return [
        line for (became, todo), fields in alike.items() for line in (*fields, f"    became {became}", f"    {todo}")
    ]


def _table(found: Iterable[Finding], with_todo: bool) -> str:
    heads = ["where", "field", "value", "became", *(["to do"] if with_todo else [])]
    rows = [heads, ["---"] * len(heads)]
    for one in found:
        place = f"{one.file}:{one.line}"
        rows.append([place, _code(one.field), _code(one.value), one.became, *([one.todo] if with_todo else [])])
    return "".join("| " + " | ".join(map(_cell, row)) + " |\n" for row in rows)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\r", " ").replace("\n", " ").replace("<", "&lt;")
