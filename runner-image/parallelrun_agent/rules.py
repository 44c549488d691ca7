"""The parameters of a job that an agent's machine acts on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of a job that the machine acts on; times in seconds."""

    processes: int
    nodes: int = 1  # there may ever be
    run_max_try: int = 3
    timeout: float = 60.0
    overhead_timeout: float = 600.0
    gpus: Sequence[str] = ()
    complete_within: float = 0.0  # a lease that is complete may wait so long for a claim, to be written with it
    fetches: bool = False  # files are fetched before a mini-batch runs, so that it pays to know early what comes next
