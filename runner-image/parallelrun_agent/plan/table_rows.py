"""What a plan says of rows that an input's subset takes: checked conditions, samples, the columns that they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition, SubsetSettings
from parallelrun_agent.plan import conditions, subsets
from parallelrun_agent.plan.row_ranges import Range
from parallelrun_agent.plan.sources import Source


def need_types(sources: Sequence[Source], path_columns: Collection[str]) -> bool:
    """Whether conditions decide which parts there are: rows have to be read to know which of them ``skip`` and
    ``take`` mean, or files are left out by their paths."""
    return any(
        one.subset.where and (subsets.takes_rows(one.subset) or _columns(one.subset) & set(path_columns))
        for one in sources
    )


def on_undeclared(source: Source) -> list[Condition]:
    """The conditions on columns whose types are those of the files."""
    return [one for one in source.subset.where if one.column not in source.table.columns]


def _columns(subset: SubsetSettings) -> set[str]:
    return {condition.column for condition in subset.where}


def described(sources: Sequence[Source], stops: Sequence[int], dtypes: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each input which of its rows are taken, ``stops`` being the numbers of files at which inputs end; nothing
    where all rows of all inputs are. Raises InputError for conditions that do not fit ``dtypes``."""
    if not any(subsets.chooses_rows(one.subset) for one in sources):
        return []
    return [
        {
            "files": stop,
            "where": conditions.checked(one.name, one.subset.where, dtypes) if dtypes else [],
            "sample": None if one.subset.sample is None else [one.subset.sample, one.subset.seed],
            "trimmed": {},
        }
        for one, stop in zip(sources, stops, strict=True)
    ]


def read(rows: Sequence[Mapping[str, Any]], keep: Sequence[str] | None, names: Sequence[str]) -> list[str] | None:
    """The columns of the files that have to be read for those in ``keep``; None where it is just these."""
    if keep is None:
        return None
    needed = {column for one in rows for column, _, _ in one["where"]} | set(keep)
    found = [name for name in names if name in needed] or list(names[:1])  # rows without a column are none
    return None if set(found) <= set(keep) else found


def trim(rows: Sequence[dict[str, Any]], trimmed: Mapping[int, Range]) -> None:
    """Say which rows are taken of files that are one part."""
    for number, taken in trimmed.items():
        next(one for one in rows if number < one["files"])["trimmed"][str(number)] = list(taken)


def require_some(sources: Sequence[Source], found: int) -> None:
    """Raises InputError where subsets leave no row, and that may not be."""
    names = [repr(one.name) for one in sources if subsets.takes_rows(one.subset) or one.subset.where]
    if not found and names and not all(one.allow_empty for one in sources):
        raise InputError(
            f"input {', '.join(names)}: the subset takes no row",
            "Correct where, skip or take, or set allowEmpty: true where an empty input is right.",
        )
