"""``logs/job_progress_overview.txt``: how far the job is, for people, rewritten in one step now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import layout
from parallelrun_agent.output import durable


@dataclass(frozen=True)
class NodeProgress:
    """One node: ``completed`` mini-batches, ``processes`` that are alive."""

    node: int
    state: str
    completed: int = 0
    processes: int = 0


@dataclass(frozen=True)
class Progress:
    """A job at one moment; counts as in :class:`parallelrun.leases.allocator.Counts`, ``elapsed`` in seconds."""

    phase: str
    total: int | None  # mini-batches; None until planned
    completed: int
    failed: int
    retried: int
    items_succeeded: int
    items_failed: int
    elapsed: float
    nodes: Sequence[NodeProgress] = ()
    stalled: str = ""


def write_overview(folder: Path, job: str, progress: Progress) -> None:
    """Rewrite the overview of the job in ``folder``, but not durably. Raises NoSpace or OutputError."""
    path = folder / layout.OVERVIEW
    with durable.writing(path), durable.temporary_of(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(overview(job, progress, time.time()), encoding="utf-8")
        os.replace(temporary, path)


def overview(job: str, progress: Progress, now: float) -> str:
    """The text; ``now`` is Unix time."""
    lines = [
        f"job            {job}",
        f"written        {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now))}",
        f"phase          {progress.phase}",
        f"elapsed        {_duration(progress.elapsed)}",
        f"mini-batches   {_mini_batches(progress)}",
        f"items          {progress.items_succeeded} succeeded, {progress.items_failed} failed",
        f"rate           {_rate(progress):.1f} mini-batches/s",
        f"time left      {_time_left(progress)}",
    ]
    if progress.stalled:
        lines.append(f"paused         {progress.stalled}")
    lines += ["", f"{'node':<10}{'state':<12}{'completed':>12}{'processes':>12}"]
    lines += [f"{layout.node_name(n.node):<10}{n.state:<12}{n.completed:>12}{n.processes:>12}" for n in progress.nodes]
    return "\n".join(lines) + "\n"


def _mini_batches(progress: Progress) -> str:
    total = "?" if progress.total is None else progress.total
    return f"{progress.completed} of {total} completed ({progress.failed} failed, {progress.retried} retried)"


def _rate(progress: Progress) -> float:
    return progress.completed / progress.elapsed if progress.elapsed > 0 else 0.0


def _time_left(progress: Progress) -> str:
    rate = _rate(progress)
    if progress.total is None or rate == 0:
        return "not known yet"
    return _duration((progress.total - progress.completed) / rate)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
