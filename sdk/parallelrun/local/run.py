"""``parallelrun run``: one run of one job on this machine, from a request to an outcome."""

from __future__ import annotations

from parallelrun.local.agents import EarlyAgent
from parallelrun.local.request import Listener, Outcome, RunRequest


def run(request: RunRequest, listener: Listener) -> Outcome:
    """Run what was asked for, to its end or until it is interrupted.

    Raises a ParallelRunError for whatever is wrong before the first ``init()``; KeyboardInterrupt on a second Ctrl-C.
    """
    with EarlyAgent() as early:
        from parallelrun.local import session  # slow to import, and so is the agent: both at once

        return session.run(request, listener, early)
