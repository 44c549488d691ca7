"""What is shown of a run, as plain data and as text: every word in it is safe to show, whatever files are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parallelrun.api.text import duration, one_line, plural, printable
from parallelrun.client.progress import ENDED, Progress
from parallelrun.local.progress import left_text, node_lines, rate_text

Json = dict[str, Any]

#: How many nodes, failures, files of each and points of the curve are shown, and lines and characters of the log.
MOST_NODES, MOST_FAILURES, MOST_FILES, MOST_POINTS, MOST_LINES, MOST_CHARACTERS = 64, 20, 5, 120, 200, 40_000
_TRACEBACK_CHARACTERS = 4000
_WIDTH = 300


@dataclass(frozen=True)
class StepLine:
    """A step of a pipeline in one line."""

    name: str
    phase: str
    note: str = ""  # what it was reused from, or why it failed
    progress: Progress | None = None  # of one that runs


@dataclass
class Curve:
    """How many mini-batches were completed when; it is thinned out as it grows, so that all of a run is on it."""

    points: list[tuple[float, int]] = field(default_factory=list)  # seconds, completed
    _apart: float = 0.0  # seconds that points are at least apart

    def add(self, progress: Progress) -> None:
        """The state now."""
        point = (progress.seconds, progress.completed)
        if self.points and (point[1] < self.points[-1][1] or point[0] < self.points[-1][0]):
            self.points.clear()  # another run: it was resumed, or another step is shown
        if len(self.points) > 1 and point[0] - self.points[-2][0] < self._apart:
            self.points[-1] = point
            return
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self._apart = max(self._apart, (self.points[-1][0] - self.points[0][0]) / MOST_POINTS)

    def rates(self) -> list[list[float]]:
        """[seconds, mini-batches a second], between each two points."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return [[end[0], (end[1] - begin[1]) / (end[0] - begin[0])] for begin, end in pairs if end[0] > begin[0]]


def of_run(
    title: str,
    where: str,
    progress: Progress,
    curve: Curve,
    failures: Iterable[Mapping[str, Any]] = (),
    log: str = "",
    message: str = "",
) -> Json:
    """What the view of a run shows; ``failures`` as in job_result.json's firstErrors."""
    counts: Json = {
        "total": progress.total,
        "completed": progress.completed,
        "failed": progress.failed,
        "retried": progress.retried,
    }
    return {
        "title": one_line(title, _WIDTH),
        "where": where,
        "phase": progress.phase,
        "over": progress.phase in ENDED,
        "counts": counts,
        "facts": facts(progress),
        "stalled": one_line(progress.stalled, _WIDTH),
        "message": printable(message[-_TRACEBACK_CHARACTERS:]),
        "nodes": [
            {
                "label": f"node {node.node}",
                "state": one_line(node.state, 30),
                "completed": node.completed,
                "processes": node.processes,
                "running": [one_line(text, 40) for text in node.running],
            }
            for node in progress.nodes[:MOST_NODES]
        ],
        "moreNodes": max(len(progress.nodes) - MOST_NODES, 0),
        "rates": curve.rates(),
        "failures": [_failure(one) for one in list(failures)[:MOST_FAILURES]],
        "log": printable("".join(log[-MOST_CHARACTERS:].splitlines(keepends=True)[-MOST_LINES:])),
    }


def facts(progress: Progress) -> list[list[str]]:
    """[what, how much]: the numbers of a run in the order in which they are looked for."""
    found = []
    if progress.total is not None:
        percent = 100 if not progress.total else progress.completed * 100 // progress.total
        found.append(["mini-batches", f"{progress.completed:,} of {progress.total:,} ({percent}%)"])
    if progress.failed:
        found.append(["failed", plural(progress.failed, "mini-batch")])
    if progress.items_failed:
        found.append(["items failed", f"{progress.items_failed:,}"])
    if progress.retried:
        found.append(["retried", f"{progress.retried:,}"])
    if progress.throughput is not None and progress.completed:
        found.append(["throughput", rate_text(progress.throughput)])
    if progress.time_left is not None and progress.phase == "Running":
        found.append(["left", left_text(progress.time_left)])
    if progress.seconds:
        found.append(["time", duration(progress.seconds)])
    return found


def of_steps(steps: Sequence[StepLine]) -> list[Json]:
    """The steps of a pipeline."""
    return [
        {
            "name": one_line(step.name, _WIDTH),
            "phase": step.phase,
            "note": one_line(step.note, _WIDTH),
            "text": "" if step.progress is None else one_line(str(step.progress), _WIDTH),
            "done": 0 if step.progress is None else step.progress.completed,
            "total": None if step.progress is None else step.progress.total,
        }
        for step in steps
    ]


def run_text(title: str, where: str, progress: Progress, message: str = "") -> str:
    """A run in a few lines."""
    lines = [f"{one_line(title)} ({where}): {progress.phase}"]
    lines += [f"  {what}: {how_much}" for what, how_much in facts(progress)]
    if progress.stalled:
        lines.append(f"  paused: {one_line(progress.stalled)}")
    if progress.phase not in ENDED:
        lines += [f"  {line}" for line in node_lines(progress.nodes)]
    if progress.first_error and progress.total is not None:
        lines.append(f"  first failure: {one_line(progress.first_error)}")
    else:
        lines += [f"  {one_line(line)}" for line in message.splitlines()]
    return "\n".join(lines)


def steps_text(title: str, where: str, phase: str, steps: Sequence[StepLine]) -> str:
    """A pipeline's run, a line a step."""
    width = max((len(step.name) for step in steps), default=0)
    lines = [f"{one_line(title)} ({where}): {phase}"]
    for step in steps:
        said = "" if step.progress is None else f"  {step.progress}"
        note = f"  {one_line(step.note)}" if step.note else ""
        lines.append(f"  {one_line(step.name):{width}}  {step.phase:<9}{said}{note}".rstrip())
    return "\n".join(lines)


def _failure(value: Mapping[str, Any]) -> Json:
    """Of a job_result.json, or of a job's status, which says less."""
    text = str(value.get("traceback") or value.get("message") or value.get("error") or "")
    files = [one_line(str(file), _WIDTH) for file in value.get("files") or []]
    where = [str(value[key]) for key in ("node", "process") if value.get(key)]
    return {
        "miniBatch": value.get("miniBatch"),
        "where": ", ".join([*where, *([plural(value["tries"], "try")] if value.get("tries") else [])]),
        "error": one_line(str(value.get("error") or (text.strip().splitlines() or [""])[-1]), _WIDTH),
        "traceback": printable(text[-_TRACEBACK_CHARACTERS:]),
        "files": files[:MOST_FILES],
        "moreFiles": max(len(files) - MOST_FILES, 0),
    }
