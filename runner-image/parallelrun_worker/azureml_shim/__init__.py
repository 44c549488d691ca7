"""Lets entry scripts written for Azure ML import what they import there."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable


def install(config: dict[str, Any], process: int, ask: Callable[[str, list[Any]], Any]) -> None:
    """Make the names resolve from now on."""
