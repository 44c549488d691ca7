"""``partitionKeys``: checks that each key is a column that is there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from parallelrun.api.errors import InputError


def require(keys: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Raises InputError naming the first key that is not among ``columns``, and the nearest that is."""
    for key in keys:
        if key not in columns:
            raise InputError(f"partitionKeys: {key!r} is not in the {where}", among(key, columns))


def among(name: str, columns: Sequence[str], shown: int = 20) -> str:
    """A sentence on which columns there are, and which of them may be meant by ``name``."""
    if not columns:
        return "No column is read from paths: set partitionFormat on the input."
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
    same = [column for column in columns if column.casefold() == name.casefold()]
    meant = f"Did you mean {(same or near)[0]!r}? " if same or near else ""
    more = f" and {len(columns) - shown} more" if len(columns) > shown else ""
    return f"{meant}There is {', '.join(map(repr, columns[:shown]))}{more}."
