"""The one ordered pass that turns segments into the output.

A pure function of the frozen table of winners and the segments that it names: the same bytes however often, by whomever
and from however many segments they are merged. Nothing ever appends to the output itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.settings import OutputSettings
from parallelrun_agent.output import durable
from parallelrun_agent.output.formats import concatenated
from parallelrun_agent.output.formats.schema import read_schema
from parallelrun_agent.output.payloads import Payloads
from parallelrun_agent.output.sink import Sink
from parallelrun_agent.output.winners import SUCCEEDED, Winners
from parallelrun_agent.storage.places import is_url


def output_path(folder: Path, settings: OutputSettings) -> Path | None:
    """Where the output of the job in ``folder`` is merged; None for SummaryOnly.

    What goes to an object store is put there afterwards.
    """
    if settings.action == "SummaryOnly":
        return None
    return (folder if settings.path is None or is_url(settings.path) else Path(settings.path)) / settings.file_name


def merge(folder: Path, winners: Winners, settings: OutputSettings, epoch: int) -> dict[str, Any]:
    """Write the output of the job in ``folder``, durably; {"path", "rows", "bytes", "sha256"} of it.

    ``path`` is absolute, or a URL; it and ``sha256`` are None for SummaryOnly. ``epoch`` is that of the finalizing
    grant. Raises CorruptRecord, NoSpace (call again when there is space) or OutputError.
    """
    path = output_path(folder, settings)
    if path is None:
        return {"path": None, "rows": 0, "bytes": 0, "sha256": None}
    url = settings.path.rstrip("/") if settings.path and is_url(settings.path) else ""
    schema = read_schema(folder / layout.SCHEMA) if settings.format in ("CSV", "Parquet") else None
    with durable.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with Sink(path, epoch) as sink, Payloads(folder, winners) as payloads:
            rows = _writer(settings, schema)(sink, payloads)
            sha256 = sink.commit()
            return {
                "path": f"{url}/{settings.file_name}" if url else str(path.absolute()),
                "rows": winners.rows_of_successes() if rows is None else rows,
                "bytes": sink.size,
                "sha256": sha256,
            }


def _writer(settings: OutputSettings, schema: dict[str, Any] | None) -> Callable[[Sink, Payloads], int | None]:
    """What writes this format; it returns the number of rows where the winners' own sum is not it."""
    if settings.format == "Parquet":
        from parallelrun_agent.output.formats import parquet

        return lambda sink, payloads: parquet.write(sink, payloads.checked(SUCCEEDED, pieces=False), schema)
    header = b""
    if settings.format == "CSV" and settings.csv_header:
        from parallelrun_agent.output.formats import csv_header

        header = csv_header.line(schema, settings)
    return lambda sink, payloads: concatenated.write(sink, payloads.checked(SUCCEEDED), header)
