"""Waiting for what a cluster does in its own time: a condition, a deadline and what to say, in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: Asking costs the API server a millisecond or two.
POLL_SECONDS = 0.2


def wait_for(condition: Callable[[], Found | None], seconds: float, message: str | Callable[[], str]) -> Found:
    """What ``condition`` gives once that is true; an AssertionError with ``message`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{message() if callable(message) else message} (waited {seconds:g} s)")
        time.sleep(POLL_SECONDS)
