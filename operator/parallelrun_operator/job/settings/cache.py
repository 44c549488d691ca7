"""How much of a pod's cache is for files that come and go."""

from __future__ import annotations

import re

_UNITS: dict[str, int] = {"": 1}
_UNITS |= {unit: int(1000**power) for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": int(1024**power) for power, unit in enumerate("KMGTPE", 1)}
#: Kubelet ends a pod whose volume is larger than it may be, at whatever moment it looks.
_USABLE_PERCENT = 90


def usable(size: str) -> int:
    """Bytes of a volume of ``size``, a quantity such as 20Gi. Raises ValueError."""
    found = re.fullmatch(r"([0-9]+)([kMGTPE]|[KMGTPE]i|)", size)
    if found is None:
        raise ValueError(f"not a size such as 20Gi: {size}")
    return int(found[1]) * _UNITS[found[2]] * _USABLE_PERCENT // 100
