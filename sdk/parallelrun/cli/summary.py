"""What is said when a run has ended: the counts, the output, the first failure, and what to type next. Pure."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from parallelrun.api import exit_codes
from parallelrun.cli.terminal import duration, one_line, plural, size
from parallelrun.leases import header
from parallelrun.local.endings import exit_code
from parallelrun.local.request import Outcome, Snapshot

MOST_FILES = 5
MOST_FILE_CHARACTERS = 200
MOST_TRACEBACK_LINES = 20
MOST_TRACEBACK_CHARACTERS = 2000
#: Reasons of a job whose script did not get as far as its first mini-batch.
_NO_START = (header.INIT_FAILED, header.SOURCE_ERROR)


def lines(outcome: Outcome, snapshot: Snapshot | None) -> list[str]:
    """The summary, a screen at most; ``snapshot`` is the last one seen."""
    text = [_headline(outcome), *_counts(snapshot), *_output(outcome.result.get("output"))]
    if outcome.first_failure:
        text += ["", *failure_lines(outcome.first_failure, "first failure: ")]
    if outcome.reason in _NO_START:
        text += ["", f"What the script printed is in {outcome.folder}/logs/user/stdout"]
        if "ModuleNotFoundError" in outcome.message:
            text += ["Packages that it needs are listed under spec.environment.pip."]
    if outcome.first_failure or (snapshot and snapshot.failed):
        folder = shlex.quote(str(outcome.folder))
        text += ["", f"All failures:      parallelrun failures {folder}"]
        text += [f"Run those again:   parallelrun rerun {folder} --failed"] if outcome.reason != "Interrupted" else []
    return text


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The last JSON line of `parallelrun run --json`."""
    failure = dict(outcome.first_failure) if outcome.first_failure else None
    return {"type": "result", **dataclasses.asdict(dataclasses.replace(outcome, first_failure=failure))}


def _headline(outcome: Outcome) -> str:
    if outcome.phase == "Done":
        origin = outcome.result.get("reusedFrom")
        return f"Done: nothing was run, since {origin} made the same." if origin else "Done."
    if outcome.reason == "Interrupted":
        return "Interrupted."
    if exit_code(outcome.phase, outcome.reason) == exit_codes.NOT_STARTED:
        return f"Nothing was run: {_cut(outcome.message) or outcome.reason}"
    said = f"{outcome.reason}: {_cut(outcome.message)}" if outcome.message else outcome.reason
    return f"The job failed: {said}" if outcome.reason != "Cancelled" else "The job was cancelled."


def _counts(snapshot: Snapshot | None) -> list[str]:
    if snapshot is None or snapshot.total is None:
        return []
    done = f"{snapshot.completed:,} of " if snapshot.completed != snapshot.total else ""
    text = [f"  mini-batches  {done}{snapshot.total:,}"]
    if snapshot.failed:
        text[0] += f", {snapshot.failed:,} failed"
    if snapshot.retried:
        text[0] += f", {snapshot.retried:,} retried"
    failed = f", {snapshot.items_failed:,} failed" if snapshot.items_failed else ""
    text.append(f"  items         {snapshot.items_succeeded + snapshot.items_failed:,}{failed}")
    text.append(f"  time          {duration(snapshot.elapsed)}")
    return text


def _output(output: Any) -> list[str]:
    if not isinstance(output, dict) or not output.get("path"):
        return []
    facts = [plural(output["rows"], "row")] if isinstance(output.get("rows"), int) else []
    facts += [size(output["bytes"])] if isinstance(output.get("bytes"), int) else []
    return [f"  output        {output['path']}" + (f" ({', '.join(facts)})" if facts else "")]


def failure_lines(failure: Mapping[str, Any], lead: str = "", full: bool = False) -> list[str]:
    """One failed mini-batch: which, its files, and the user's traceback; cut to a screen unless ``full``."""
    head = f"{lead}mini-batch {failure.get('miniBatch', '?')}"
    where = [str(failure[name]) for name in ("node", "process") if failure.get(name)]
    where += [plural(failure["tries"], "try")] if failure.get("tries") else []
    text = [head + (f" ({', '.join(where)})" if where else "")]
    files = [str(file) for file in failure.get("files") or []]
    shown = files if full else files[:MOST_FILES]
    text += [f"    {one_line(file, 0 if full else MOST_FILE_CHARACTERS)}" for file in shown]
    if len(files) > len(shown):
        text.append(f"    and {len(files) - len(shown):,} more")
    return text + [
        f"  {line}" for line in traceback_lines(str(failure.get("traceback") or failure.get("error") or ""), full)
    ]


def traceback_lines(traceback: str, full: bool = False) -> list[str]:
    """The lines of a traceback; unless ``full``, lines in the middle and the ends of long lines are left out."""
    every = traceback.rstrip().splitlines()
    if full:
        return every
    if len(every) > MOST_TRACEBACK_LINES:
        head = MOST_TRACEBACK_LINES // 2
        tail = MOST_TRACEBACK_LINES - head
        every = [*every[:head], f"... {len(every) - MOST_TRACEBACK_LINES} lines ...", *every[-tail:]]
    if sum(map(len, every)) <= MOST_TRACEBACK_CHARACTERS:
        return every
    width = MOST_TRACEBACK_CHARACTERS // len(every)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in every]


def _cut(text: str) -> str:
    """A message, a screen at most."""
    return "\n".join(traceback_lines(text))
