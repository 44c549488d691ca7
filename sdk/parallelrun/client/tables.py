"""A job's output as a DataFrame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import RunFolderError

if TYPE_CHECKING:
    import pandas

    from parallelrun.api.settings import OutputSettings


def read(
    path: Path, settings: OutputSettings, sep: str | None, names: Sequence[str] | None, options: dict[str, Any]
) -> pandas.DataFrame:
    """The rows of the output file ``path``, in input order.

    Text without ``sep``: one column, ``result``, each line as it is. Text with it, and CSV: as ``pandas.read_csv``
    takes them, with ``names`` and ``options``. Raises RunFolderError for options that a format has no use for.
    """
    import pandas

    said = {"sep": sep, "names": names, **options}
    given = {key: value for key, value in said.items() if value is not None}
    if settings.format == "CSV":
        header = 0 if settings.csv_header else None
        index = 0 if settings.csv_index else None
        options = {"sep": settings.csv_separator, "header": header, "index_col": index, **given}
        return _delimited(path, options)
    if settings.format == "Text" and sep is not None:
        if path.stat().st_size == 0:
            return pandas.DataFrame(columns=list(names or []))
        return _delimited(path, {"header": None, **given})
    usable = ("names",) if settings.format == "Text" else ()
    useless = [key for key in given if key not in usable]
    if useless:
        raise RunFolderError(
            f"{useless[0]} is for lines that are to be split: this output's format is {settings.format}.",
            "Leave it out, or give sep as well (format Text).",
        )
    if settings.format == "Parquet":
        return pandas.read_parquet(path)
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    if settings.format == "JSONL":  # pandas.read_json would make the number 1 of the text "001"
        return pandas.DataFrame([json.loads(line) for line in lines])
    return pandas.DataFrame({(names or ["result"])[0]: lines}, dtype="object")


def _delimited(path: Path, options: dict[str, Any]) -> pandas.DataFrame:
    import pandas

    frame: pandas.DataFrame = pandas.read_csv(path, **options)
    return frame
