"""Files whose path columns do not meet their input's conditions: none of their rows does, so they are not cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parallelrun_agent.plan.columns import BATCH, Table
from parallelrun_agent.plan.draft import PATH_COLUMN


def kept(files: Table, table: Mapping[str, Any]) -> bytearray:
    """For each file whether it may have rows that are taken, 0 or 1; ``table`` is that of worker.json. The conditions
    are judged by the worker's code, as those on rows are."""
    may = bytearray(b"\1") * files.rows
    start = 0
    for one in table.get("rows", ()):
        where = [condition for condition in one["where"] if condition[0] in table["path_columns"]]
        if where:
            for first in range(start, one["files"], BATCH):
                last = min(first + BATCH, one["files"])
                may[first:last] = _meeting(files, table["path_columns"], where, first, last)
        start = one["files"]
    return may


def _meeting(files: Table, dtypes: Mapping[str, str], where: list[Any], first: int, last: int) -> bytes:
    import pandas as pd

    from parallelrun_worker import conditions

    names = {name for name, _, _ in where}
    values = {name: files.texts(PATH_COLUMN + name, first, last) for name in names}
    frame = pd.DataFrame(values, dtype=object).astype({name: dtypes[name] for name in names})
    met: bytes = conditions.met(frame, where).tobytes()
    return met
