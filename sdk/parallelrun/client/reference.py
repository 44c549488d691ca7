"""Writes docs/reference/python.md from what ``import parallelrun`` offers: signatures and docstrings.

    python -m parallelrun.client.reference docs/reference

The file is checked in; a test compares.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import parallelrun
from parallelrun.client.widget import RunDetails

INTRODUCTION = """\
# Python

<!-- Written by `python -m parallelrun.client.reference docs/reference`; do not edit. -->

What `import parallelrun` offers; [how to use it](../how-to/python.md). Fields of a job are explained in
[its manifest](manifest.md), those of a pipeline in [its own](pipelines.md).
"""
GROUPS = {
    "Jobs": ["Job", "Files", "Tables", "MLTable", "Dataset"],
    "Runs": ["Run", "Status", "Progress", "Failure"],
    "Pipelines": ["Pipeline", "Parameter", "Step", "ScriptStep", "PipelineRun", "StepRun"],
    "Errors": ["ParallelRunError", "ManifestError", "InputError", "JobFailed"],
}
#: What the parts say to each other.
_INTERNAL = ("as_spec", "definition", "body")


def page() -> str:
    """docs/reference/python.md."""
    parts = [INTRODUCTION]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_class(f"parallelrun.{name}", getattr(parallelrun, name)) for name in names]
    parts += ["## Live view\n", _class("parallelrun.client.widget.RunDetails", RunDetails)]
    return "\n".join(parts)


def _class(name: str, kind: Any) -> str:
    lines = [f"### {name}\n"]
    if not issubclass(kind, Exception) and "__init__" in vars(kind):
        lines.append(f"```python\n{name.rpartition('.')[2]}{_signature(kind.__init__)}\n```\n")
    lines.append(_text(kind))
    if "__dataclass_fields__" not in vars(kind) and "__init__" in vars(kind) and not issubclass(kind, Exception):
        lines.append(_text(kind.__init__))
    members = [_member(key, value) for key, value in _public(kind)]
    if members:
        lines += ["| | |", "|---|---|", *members, ""]
    return "\n".join(lines)


def _public(kind: Any) -> list[tuple[str, Any]]:
    """Methods and properties that are documented, in the order in which they were written, the class's own last."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__[:-1]):
        if one.__module__.startswith("parallelrun") and not issubclass(kind, Exception):
            found |= {key: value for key, value in vars(one).items() if not key.startswith("_")}
    found = {key: value for key, value in found.items() if key not in _INTERNAL}
    kept = (property, staticmethod, classmethod)
    return [(key, value) for key, value in found.items() if isinstance(value, kept) or inspect.isfunction(value)]


def _member(name: str, value: Any) -> str:
    function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    shown = name if isinstance(value, property) else f"{name}{_signature(function, longest=1000)}"
    text = " ".join(_text(function).split()).replace("|", "\\|")
    shown = " ".join(shown.split()).replace("|", "\\|")
    return f"| `{shown}` | {text} |"


def _signature(function: Any, longest: int = 100) -> str:
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    whole = _shown(str(signature.replace(parameters=parameters)))
    if len(whole) < longest:
        return whole
    lines, starred = [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred:
            lines.append("*")
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        lines.append(_shown(str(one)))
    return "(\n    " + ",\n    ".join(lines) + ",\n)" + whole[whole.rindex(")") + 1 :]


def _shown(text: str) -> str:
    """Annotations are texts, which Python would show in quotes."""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return text.replace(" -> None", "").replace("<factory>", "...")


def _text(documented: Any) -> str:
    """A docstring in Markdown."""
    text = inspect.cleandoc(documented.__doc__ or "")
    text = re.sub(r":(?:class|meth|func):`([^`]+)`", r"`\1`", text)
    return text.replace("``", "`") + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "python.md").write_text(page(), encoding="utf-8")
