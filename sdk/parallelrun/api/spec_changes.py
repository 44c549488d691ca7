"""What differs between two manifests, field by field, and which of it a rerun of what failed cannot bear."""

from __future__ import annotations

import json
from typing import Any

from parallelrun.api.errors import InputChanged

#: What the plan or the sealed results of an earlier run were made with, wherever it ran.
_KEPT = (
    "spec.inputs",
    "spec.miniBatchSize",
    "spec.partitionKeys",
    "spec.output.action",
    "spec.output.format",
    "spec.output.csv",
)
_NOTHING = "nothing"


def changed_fields(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """(field, value before, value now) of each leaf that differs, by dotted path: "spec.inputs[0].paths[1]"."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            change
            for key in sorted(before.keys() | now.keys())
            for change in changed_fields(before.get(key), now.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [change for number, (old, new) in pairs for change in changed_fields(old, new, f"{path}[{number}]")]
    return [] if before == now else [(path, before, now)]


def sentence(change: tuple[str, Any, Any]) -> str:
    """One changed field for people."""
    path, before, now = change
    return f"{path} was {_short(before)}, now {_short(now)}"


def refuse_for_rerun(before: Any, now: Any, also: tuple[str, ...]) -> None:
    """Raise InputChanged where ``now`` cannot be merged with what succeeded as ``before`` (both of ``spec_of``).

    ``also``: fields that may not change in this place either.
    """
    for change in changed_fields(before, now):
        if change[0].startswith((*_KEPT, *also)):
            raise InputChanged(
                f"{sentence(change)}: rerun --failed keeps the earlier run's plan and results.",
                "Leave it as it was, or run everything again without --failed (spec.rerunOf.failedOnly: false).",
            )


def _short(value: Any) -> str:
    if value is None:
        return _NOTHING
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
