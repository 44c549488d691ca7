"""Agent processes on this machine: how one is started, and what became of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

#: An agent that ends in less than this did not get anywhere; so many in a row and the job is given up.
SHORT_LIFE_SECONDS = 5.0
SHORT_LIVES = 8

#: What runs when the job is interrupted may take so long to end.
DRAIN_SECONDS = float(os.environ.get("PARALLELRUN_DRAIN_SECONDS", "10"))
#: The lease store's socket in the scratch folder.
STORE = "store.sock"


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


def start_agent(node: int, scratch: Path, drain_seconds: float) -> AgentProcess:
    """Start the agent of ``node``; ``scratch`` is a folder of short name for sockets.

    It finds the lease store there, and in the store the job: an agent may be started before either, so that its
    imports are over when the manifest has been read.
    """
    holder = os.urandom(6).hex()
    command = [
        *(sys.executable, "-P", "-m", "parallelrun_agent", "--node", str(node), "--holder", holder),
        *("--meeting", str(scratch / f"{node}-{holder}"), "--store", str(scratch / STORE)),
        *("--drain-seconds", str(drain_seconds), "--parent", str(os.getpid())),
    ]
    # A session of its own: a terminal's Ctrl-C is for the parent, which seals before it stops.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    return AgentProcess(node, holder, process)


class EarlyAgent:
    """The first node's agent, started while the manifest is still being read; a context that ends it in any case."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="parallelrun-"))
        self.agent = start_agent(0, self.scratch, DRAIN_SECONDS)

    def __enter__(self) -> EarlyAgent:
        return self

    def __exit__(self, *_: object) -> None:
        self.agent.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)
