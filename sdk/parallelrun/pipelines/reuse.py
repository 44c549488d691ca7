"""When an earlier run's step may be looked at for reuse at all: what its job compares itself comes after that.

A job's fingerprint has the names, sizes and times of its inputs and side inputs, but not of files of which it only has
paths, in its arguments say; nor does it know of steps that it only comes after. So every step that it needs has to have
been made by the same job then as now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def given_the_same(needed: Iterable[str], now: Mapping[str, str], then: Mapping[str, str]) -> bool:
    """Whether the steps that a step needs are of the same origins: ``now`` and ``then``, in an earlier run.

    An origin is the job (or folder) that made a step's result, whichever run took it over since; "" is none.
    """
    return all(now.get(step) and now.get(step) == then.get(step) for step in needed)
