"""Reading the output's schema as workers published it: see ``parallelrun_worker.schema`` for what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parallelrun.api.errors import OutputError
from parallelrun_worker.schema import versions


def read_schema(path: Path) -> dict[str, Any] | None:
    """The published schema; None where none was, since no mini-batch returned any rows. Raises OutputError."""
    published = versions(str(path))  # a later one has types for columns that had no value in the first result
    try:
        value = json.loads(Path(published[-1] if published else path).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"The output's schema {path} cannot be read: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("columns"), list):
        raise OutputError(f'The output\'s schema {path} has no list of "columns"')
    return value


def column_names(schema: dict[str, Any]) -> list[str]:
    """The names of the published columns, in order."""
    return [str(column) for column in schema["columns"]]
