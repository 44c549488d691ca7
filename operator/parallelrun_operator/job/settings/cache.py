"""How much of a pod's cache is for files that come and go."""

from __future__ import annotations

import re

_UNITS: dict[str, int] = {"": 1}
_UNITS |= {unit: int(1000**power) for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": int(1024**power) for power, unit in enumerate("KMGTPE", 1)}
#: Kubelet ends a pod whose volume is larger than it may be, at whatever moment it looks. What stays until the job is
#: done (side inputs, models, inputs that are downloaded) is in the same volume, and nobody knows yet how much that is.
_USABLE_PERCENT, _BESIDE_OTHERS_PERCENT = 90, 45


def usable(size: str, beside_others: bool = False) -> int:
    """Bytes of a volume of ``size``, a quantity such as 20Gi; fewer beside what stays. Raises ValueError."""
    found = re.fullmatch(r"([0-9]+)([kMGTPE]|[KMGTPE]i|)", size)
    if found is None:
        raise ValueError(f"not a size such as 20Gi: {size}")
    percent = _BESIDE_OTHERS_PERCENT if beside_others else _USABLE_PERCENT
    return int(found[1]) * _UNITS[found[2]] * percent // 100
