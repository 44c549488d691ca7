"""Whom the end of a worker process is charged to, and in which words; pure."""

from __future__ import annotations

from parallelrun.leases.header import INIT_FAILED, SOURCE_ERROR
from parallelrun_agent import events as ev
from parallelrun_agent.rules import Rules
from parallelrun_agent.worker_process import Blame, obituary
from parallelrun_worker.wire import READING, RUNNING, SEGMENT_FAILED


def guilty(event: ev.ProcessExited, killed_for: int | None, is_draining: bool) -> int | None:
    """The mini-batch that a process's end is charged to; None: nobody's fault."""
    running = event.slot.mini_batch if event.slot.state in (READING, RUNNING) else None
    if event.status == SEGMENT_FAILED or is_draining:
        return None
    # A kill for a time-out may hit the next mini-batch, which is innocent.
    return running if killed_for in (None, running) else None


def blame_for(event: ev.ProcessExited, killed_for: int | None, rules: Rules, now: float) -> Blame:
    """What is said of the guilty one."""
    kind, text = "died", f"the worker process died with {obituary(event.status)}"
    if killed_for is not None and event.slot.state == READING:
        kind, text = "timeout", f"reading its input took longer than {rules.overhead_timeout:g} s"
    elif killed_for is not None:
        kind, text = "timeout", f"run took longer than runInvocationTimeoutSeconds ({rules.timeout:g} s)"
    seconds = max(0.0, now - event.slot.started)
    return Blame(event.process, kind, text, event.slot.items, seconds)


def no_start(init_began: bool, init_failures: int, first_error: str) -> ev.Abort:
    """Why a script that never gets through ``init()`` ends the job."""
    if not init_began:
        return ev.Abort(SOURCE_ERROR, f"the script cannot be loaded:\n{first_error}")
    times = f"init() failed {init_failures} times on one node"
    return ev.Abort(INIT_FAILED, f"{times}; the first time:\n{first_error}")
