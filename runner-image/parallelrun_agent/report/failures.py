"""Failures: what a FAILED record holds, and reading the final ones back.

The payload is a JSON object: "error" (one line), "traceback" (the user's, or our sentence, in full), "files" (of the
mini-batch), "kind" and "process" (the number of the process that ran the last try; null where none did).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout

if TYPE_CHECKING:
    from parallelrun_agent.output.winners import Winners

#: raised (run), timeout, died (its process), returned (something that is no result), input (could not be read)
KINDS = ("raised", "timeout", "died", "returned", "input")
#: Characters of a traceback that are kept, half of them from its end.
TEXT_LIMIT = 65536
#: Characters of the one line that stands for an error.
LINE_LIMIT = 500
#: Mini-batches that a group of failures names.
_NAMED = 10


@dataclass(frozen=True)
class Failure:
    """One mini-batch that failed for good."""

    mini_batch: int
    node: str  # "node000"
    process: str  # "process000"; "" where none is known
    tries: int
    elapsed: float  # seconds, of the last try
    items: int
    error: str
    traceback: str = ""
    files: list[str] = field(default_factory=list)
    kind: str = ""


@dataclass
class Group:
    """Failures with the same exception."""

    kind: str
    exception: str  # the exception's class, or the kind where none was raised
    first: Failure
    count: int = 0
    items: int = 0
    mini_batches: list[int] = field(default_factory=list)  # the first few


def failure_payload(kind: str, text: str, files: Sequence[str], process: int | None = None) -> bytes:
    """What a FAILED record holds; ``text`` is the user's traceback or a sentence."""
    value = {
        "error": error_line(text),
        "traceback": shortened(text),
        "files": list(files),
        "kind": kind,
        "process": process,
    }
    return json.dumps(value).encode("ascii")


def error_line(text: str) -> str:
    """The line that says what went wrong: of a traceback, the exception's; of any other text, its first."""
    lines = [line for line in text.splitlines() if line.strip()]
    frames = [place for place, line in enumerate(lines) if line.lstrip().startswith('File "')]
    after = lines[frames[-1] + 1 :] if frames else lines
    line = next((line for line in after if not line[0].isspace()), lines[-1] if lines else "")
    return line.strip()[:LINE_LIMIT]


def read_failures(folder: Path, winners: Winners) -> Iterator[Failure]:
    """The final failures of the job in ``folder``, in index order; a damaged one says so in its ``error``."""
    from parallelrun_agent.output.payloads import Payloads
    from parallelrun_agent.output.winners import FAILED

    origins = [origin(name) for name in winners.segments]
    with Payloads(folder, winners) as payloads:
        for mini_batches, rows, texts in payloads.tolerant(FAILED):
            for mini_batch, row, text in zip(mini_batches.tolist(), rows, texts, strict=True):
                yield _failure(mini_batch, row, text, *origins[int(row["segment"])])


def grouped(failures: Iterable[Failure]) -> list[Group]:
    """Failures by exception, most frequent first; holds one failure a group."""
    groups: dict[tuple[str, str], Group] = {}
    for failure in failures:
        name = exception_name(failure)
        group = groups.setdefault((failure.kind, name), Group(failure.kind, name, failure))
        group.count += 1
        group.items += failure.items
        if len(group.mini_batches) < _NAMED:
            group.mini_batches.append(failure.mini_batch)
    return sorted(groups.values(), key=lambda group: (-group.count, group.first.mini_batch))


def exception_name(failure: Failure) -> str:
    """``ValueError`` of ``ValueError: no such digit``; the kind where the error is a sentence."""
    match = re.match(r"([A-Za-z_][\w.]*)(:|$)", failure.error)
    return match[1] if match and failure.kind in ("", "raised") else failure.kind or failure.error


def origin(segment: str) -> tuple[str, str]:
    """(node, process) by name of whoever wrote a segment; process "" for the agent itself."""
    node, rest = segment.split("-", 1)
    process = rest.rsplit("-", 2)[1]
    return layout.node_name(int(node)), layout.process_name(int(process)) if process.isdigit() else ""


def _failure(mini_batch: int, row: Any, text: bytes | None, node: str, process: str) -> Failure:
    value = _parsed(text)
    if isinstance(value.get("process"), int):
        process = layout.process_name(value["process"])
    return Failure(
        mini_batch=mini_batch,
        node=node,
        process=process,
        tries=int(row["try_number"]),
        elapsed=float(row["elapsed"]),
        items=int(row["items"]),
        error=str(value.get("error", "")),
        traceback=str(value.get("traceback", "")),
        files=[str(file) for file in value.get("files", [])],
        kind=str(value.get("kind", "")),
    )


def _parsed(text: bytes | None) -> dict[str, Any]:
    if text is None:
        return {"error": "(the record of this failure is damaged)"}
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"error": "(the record of this failure cannot be read)"}


def shortened(text: str, limit: int = TEXT_LIMIT) -> str:
    """``text``, or about ``limit`` characters of it, half from each end: where it went wrong is at either."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters ...\n{text[-half:]}"
