"""Names that follow from what they belong to."""

from __future__ import annotations

import hashlib

_LIMIT, _HASH = 63, 8


def job(run: str, step: str) -> str:
    """The name of a step's job, ``<run>-<step>``; cut, and told apart by a hash, where that is too long."""
    whole = f"{run}-{step}"
    if len(whole) <= _LIMIT:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    return f"{whole[: _LIMIT - _HASH - 1].rstrip('-')}-{mark}"
