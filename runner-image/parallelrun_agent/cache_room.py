"""Whether what has to be on a node at the same time fits into its cache: a pod that outgrows it is sent away, as is the
next one in its place, for ever."""

from __future__ import annotations

from parallelrun.api.errors import InputError
from parallelrun.api.text import size as bytes_for_people

_GIB = 1 << 30
#: How many of what stays are named when it is too much.
_NAMED = 3


class CacheRoom:
    """Of one node."""

    def __init__(self, limit: int) -> None:
        """``limit``: bytes that may be in the cache; 0: as many as its disk takes."""
        self._limit = limit
        self._kept: dict[str, int] = {}

    def keep(self, what: str, size: int) -> None:
        """``what`` has so many bytes and stays until the job is done.

        Raises InputError where it does not fit beside the rest.
        """
        self._kept[what] = size
        total = sum(self._kept.values())
        if self._limit and total > self._limit:
            largest = sorted(self._kept.items(), key=lambda one: -one[1])
            parts = [f"{name}: {bytes_for_people(bytes_)}" for name, bytes_ in largest[:_NAMED]]
            more = f" and {len(largest) - _NAMED} more" if len(largest) > _NAMED else ""
            raise InputError(
                f"{bytes_for_people(total)} have to stay in each pod ({', '.join(parts)}{more}), and its cache takes "
                f"{bytes_for_people(self._limit)}.",
                f"{_enlarge(total)}, or read the input with mode: Mount, which fetches files as they are needed.",
            )

    def need(self, mini_batch: int, size: int) -> None:
        """A mini-batch needs so many bytes at a time. Raises InputError where they are more than the cache takes."""
        if self._limit and size > self._limit:
            raise InputError(
                f"mini-batch {mini_batch} needs {bytes_for_people(size)} of files at a time, and the pod's cache takes "
                f"{bytes_for_people(self._limit)}.",
                f"Choose a smaller miniBatchSize, or: {_enlarge(size)}.",
            )


def _enlarge(needed: int) -> str:
    """What an administrator sets, with a tenth to spare."""
    return f"Set runner.cacheSize of the chart to {-(-needed * 10 // 9 // _GIB) + 1}Gi or more"
