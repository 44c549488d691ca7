"""Which of two versions of something registered is the higher one."""

from __future__ import annotations

import re

Order = tuple[tuple[tuple[int, int, str], ...], str]


def order(version: str) -> Order:
    """What versions are compared by: "10" comes after "9", "1.10" after "1.9", numbers after words."""
    parts = re.findall(r"\d+|\D+", version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts), version
