"""Notebooks have an event loop in their thread; what begins one of its own runs in another there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def elsewhere(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """What ``function`` returns or raises; called in a thread of its own where this one has an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function(*arguments, **options)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments, **options).result()
