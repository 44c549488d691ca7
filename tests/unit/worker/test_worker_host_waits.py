"""A host in a pod whose agent never comes leaves when the pod ends: process 1 hears only what it has a handler for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from parallelrun_worker import host

DEADLINE_SECONDS = 20.0


def test_a_host_that_waits_for_its_agent_leaves_at_sigterm(tmp_path: Path):
    with subprocess.Popen([sys.executable, host.__file__, str(tmp_path)], stdin=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not handles(process.pid, signal.SIGTERM):
            assert time.monotonic() < deadline, "the host never asked to hear of SIGTERM"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0


def handles(pid: int, number: int) -> bool:
    """Whether the process has a handler for that signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
