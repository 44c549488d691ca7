"""How many GPUs a job asks for. Only a job that asks gets them handed out, one a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelrun.api.errors import ManifestError

if TYPE_CHECKING:
    from parallelrun.api.models import Resources

#: How the resources end that vendors' device plugins offer: nvidia.com/gpu, amd.com/gpu.
SUFFIX = "/gpu"


def wanted(resources: Resources) -> int:
    """GPUs of a node, of any vendor, by ``limits`` or else ``requests``. Raises ManifestError."""
    asked = {**resources.requests, **{name: value for name, value in resources.limits.items() if value}}
    return sum(_count(name, value) for name, value in asked.items() if name.endswith(SUFFIX))


def _count(name: str, value: int | str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ManifestError(
            f"spec.resources: {name} is {value!r}, not a whole number.", f"For example: limits: {{{name}: 1}}"
        ) from None
