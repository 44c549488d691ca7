"""Agent processes on this machine: how one is started, and what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

#: An agent that ends in less than this did not get anywhere; so many in a row and the job is given up.
SHORT_LIFE_SECONDS = 5.0
SHORT_LIVES = 8


@dataclass
class AgentProcess:
    """One agent; its holder's name is new with every start."""

    node: int
    holder: str
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative: the signal that ended it."""
        return self.process.poll()

    def signal(self, number: int) -> None:
        """Send a signal; an agent that is gone is let be."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, also where it is stopped; its worker leaves when the sockets close."""
        self.signal(signal.SIGKILL)
        self.process.wait()


def start_agent(folder: Path, node: int, scratch: Path, store: Path, drain_seconds: float) -> AgentProcess:
    """Start the agent of ``node``; ``scratch`` is a folder of short name for its sockets."""
    holder = uuid.uuid4().hex[:12]
    command = [
        *(sys.executable, "-m", "parallelrun_agent"),
        *("--folder", str(folder), "--node", str(node), "--holder", holder),
        *("--meeting", str(scratch / f"{node}-{holder}"), "--store", str(store)),
        *("--drain-seconds", str(drain_seconds)),
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # A session of its own: a terminal's Ctrl-C is for the parent, which seals before it stops.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    return AgentProcess(node, holder, process)
