"""Watches the processes of a command: how much CPU each kind used, and how much memory of its own it held."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.05
TICKS = os.sysconf("SC_CLK_TCK")
#: What marks a process's kind in its command line, most telling first.
KINDS = {
    "parallelrun_worker/process.py": "worker",
    "parallelrun_worker/host.py": "host",
    "parallelrun_agent": "agent",
    "parallelrun": "command",
}


@dataclass
class Usage:
    """Of one process."""

    kind: str
    cpu: float = 0.0  # seconds, with its own threads, without its children
    anonymous: int = 0  # bytes, the most that was seen; mapped files are not in it


@dataclass
class Watched:
    """A command that has ended."""

    seconds: float
    returncode: int
    processes: dict[int, Usage] = field(default_factory=dict)

    def cpu(self, kind: str) -> float:
        """Seconds of CPU of all processes of a kind."""
        return sum(usage.cpu for usage in self.processes.values() if usage.kind == kind)

    def anonymous(self, kind: str) -> int:
        """Bytes that the largest process of a kind held."""
        return max((usage.anonymous for usage in self.processes.values() if usage.kind == kind), default=0)


def watch(command: list[str], log: Path) -> Watched:
    """Run a command to its end, with its output in ``log``, and sample all its descendants meanwhile."""
    found: dict[int, Usage] = {}
    ended = threading.Event()
    started = time.perf_counter()
    with log.open("w") as file:
        child = subprocess.Popen(command, stdout=file, stderr=file)
        sampler = threading.Thread(target=_sample_until, args=(child.pid, found, ended))
        sampler.start()
        returncode = child.wait()
    seconds = time.perf_counter() - started
    ended.set()
    sampler.join()
    return Watched(seconds, returncode, found)


def _sample_until(root: int, found: dict[int, Usage], ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_SECONDS):
        for pid in _descendants(root):
            try:
                _sample(pid, found)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile: what was seen last is what it used


def _sample(pid: int, found: dict[int, Usage]) -> None:
    usage = found.get(pid)
    if usage is None or usage.kind == "command":
        usage = found[pid] = Usage(_kind(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")))
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    usage.cpu = (int(times[11]) + int(times[12])) / TICKS
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            usage.anonymous = max(usage.anonymous, int(line.split()[1]) * 1024)


def _kind(command_line: str) -> str:
    return next((kind for mark, kind in KINDS.items() if mark in command_line), "other")


def _descendants(root: int) -> list[int]:
    """The process and everything below it, as far as it can be seen now."""
    found = [root]
    for pid in found:
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found
