"""The version of an object as one number, so that a plan can hold it where a file's has its modification time.

56 bits drawn from the ETag, or from the modification time in seconds and the size where a store has no ETags. Stores
write the same ETag with quotes in one answer and without in another, and times with different precision.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obstore import ObjectMeta


def version(meta: ObjectMeta) -> int:
    """The version that an answer of a store tells."""
    return _of_tag(meta) if _tag(meta) else _of_time(meta)


def is_version(meta: ObjectMeta, wanted: int) -> bool:
    """Whether an answer is of the version ``wanted``; some stores tell ETags in some of their answers only."""
    return wanted in (_of_tag(meta), _of_time(meta))


def _tag(meta: ObjectMeta) -> str:
    return (meta["e_tag"] or "").removeprefix("W/").strip('"')


def _of_tag(meta: ObjectMeta) -> int:
    return _number(b"tag " + _tag(meta).encode())


def _of_time(meta: ObjectMeta) -> int:
    return _number(b"time %d %d" % (int(meta["last_modified"].timestamp()), meta["size"]))


def _number(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:7], "big")
