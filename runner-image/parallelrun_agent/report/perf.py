"""``logs/perf/<node>.csv``: what the agent and its worker processes used, sampled from /proc.

A sample has one line for each process: Unix time, name ("agent", "process000"), pid, CPU (percent of one core since the
sample before; empty in a process's first), resident memory in bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import layout

COLUMNS = ("time", "process", "pid", "cpu_percent", "rss_bytes")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Of one process so far. ``started``, in ticks since boot, tells a reused pid."""

    cpu_seconds: float
    rss_bytes: int
    started: int


class ResourceSampler:
    """Appends samples of one node; the caller decides when."""

    def __init__(self, folder: Path, node: int) -> None:
        self._path = folder / layout.PERF / f"{layout.node_name(node)}.csv"
        self._before: dict[tuple[int, int], tuple[float, float]] = {}  # (pid, started) -> (time, CPU seconds)

    def sample(self, now: float, processes: Mapping[str, int]) -> None:
        """Append a line for each of ``processes`` (name -> pid) that is alive; ``now`` is Unix time. Raises OSError."""
        lines, after = [], {}
        for name, pid in processes.items():
            used = usage(pid)
            if used is None:
                continue
            key = (pid, used.started)
            lines.append(f"{now:.3f},{name},{pid},{self._percent(key, now, used)},{used.rss_bytes}\n")
            after[key] = (now, used.cpu_seconds)
        self._before = after
        self._append("".join(lines))

    def _percent(self, key: tuple[int, int], now: float, used: Usage) -> str:
        before = self._before.get(key)
        if before is None or now <= before[0]:
            return ""
        return f"{100 * (used.cpu_seconds - before[1]) / (now - before[0]):.1f}"

    def _append(self, lines: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "a", encoding="ascii") as file:
            if file.tell() == 0:
                file.write(",".join(COLUMNS) + "\n")
            file.write(lines)


def usage(pid: int) -> Usage | None:
    """What process ``pid`` used so far; None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the name, in parentheses, may hold anything; field 3 of proc(5) comes first after it
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE, int(fields[19]))
