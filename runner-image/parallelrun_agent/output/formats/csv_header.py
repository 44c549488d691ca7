"""The one header line of a CSV output: payloads have none."""

from __future__ import annotations

import csv
import io
from typing import Any

from parallelrun.api.settings import OutputSettings
from parallelrun_agent.output.formats.schema import column_names


def line(schema: dict[str, Any] | None, settings: OutputSettings) -> bytes:
    """The header in UTF-8; empty where no mini-batch returned any rows. The index's columns are among them."""
    if schema is None:
        return b""
    text = io.StringIO()
    csv.writer(text, delimiter=settings.csv_separator, lineterminator="\n").writerow(column_names(schema))
    return text.getvalue().encode()
