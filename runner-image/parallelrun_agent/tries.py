"""A holder's record of spent tries and of suspects that it ran alone: JSON lines on the job's volume.

Written before the thing happens (a suspect's lone run) or before anyone hears of it (a charge), so that a mini-batch
that takes whole pods with it is charged by the holder that comes after.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


class TriesFile:
    """Appends to one holder's file; every line is durable when the call returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fd = -1  # most holders never need the file

    def charged(self, mini_batch: int, try_number: int) -> None:
        """A try is spent."""
        self._append({"charged": mini_batch, "try": try_number})

    def alone(self, mini_batch: int) -> None:
        """A suspect starts, with nothing else running."""
        self._append({"alone": mini_batch})

    def survived(self, mini_batch: int) -> None:
        """It came to an end of its own."""
        self._append({"survived": mini_batch})

    def _append(self, line: dict[str, int]) -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.write(self._fd, json.dumps(line).encode() + b"\n")
        os.fsync(self._fd)


def read_tries(path: Path) -> tuple[dict[int, int], set[int]]:
    """Tries charged by mini-batch, and suspects whose lone run never ended; both empty where there is no file."""
    charged: dict[int, int] = {}
    alone: set[int] = set()
    if not path.exists():
        return charged, alone
    for raw in path.read_bytes().split(b"\n"):
        try:
            line = json.loads(raw)
        except ValueError:
            continue  # a torn last line: what it would have said did not happen yet
        if "alone" in line:
            alone.add(line["alone"])
        elif "survived" in line:
            alone.discard(line["survived"])
        else:
            charged[line["charged"]] = max(line["try"], charged.get(line["charged"], 0))
            alone.discard(line["charged"])
    return charged, alone
