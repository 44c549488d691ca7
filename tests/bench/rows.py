"""Reads what contenders wrote, in whatever files and order, and compares it as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ["id", "week", "store", "brand", "quantity", "price", "revenue"]
Rows = Any  # list[str] for W1 and W2, pandas.DataFrame for W3; both can be cut with [:n] and counted


def read(workload: str, output: Path) -> Rows:
    """The rows of an output: lines in order for W1 and W2, a table sorted by id for W3."""
    if workload != "w3":
        return output.read_text().splitlines()
    files = [output] if output.is_file() else sorted(output.glob("*.csv"))
    frame = pd.concat([_read_table(path) for path in files if path.stat().st_size], ignore_index=True)
    return frame.sort_values("id", ignore_index=True)


def _read_table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)[COLUMNS]
    with path.open() as file:
        first = file.readline()
    separator = "," if "," in first else " "
    header = 0 if "week" in first else None
    return pd.read_csv(path, sep=separator, header=header, names=None if header == 0 else COLUMNS)[COLUMNS]


def difference(want: Rows, got: Rows) -> str:
    """How two sets of rows differ; "" where they do not. Numbers may differ in the last digits that a writer keeps."""
    if len(want) != len(got):
        return f"wrong: {len(got)} rows, not {len(want)}"
    if isinstance(want, list):
        first = next((n for n, pair in enumerate(zip(want, got, strict=True)) if pair[0] != pair[1]), None)
        return "" if first is None else f"wrong: line {first + 1} is {got[first]!r}, not {want[first]!r}"
    for column in COLUMNS:
        same = want[column].astype(str) == got[column].astype(str)
        if column in ("price", "revenue"):
            same = (want[column] - got[column]).abs() <= want[column].abs() * 1e-12
        if not same.all():
            return f"wrong: column {column} differs in {(~same).sum()} rows"
    return ""
