"""The lease store of a run on this machine: in this process's memory, with the header on disk as well.

Shards need no disk: what is sealed says what is finished, and a resumed run builds them anew from that.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.leases.header import Header
from parallelrun.leases.store import HEADER, MemoryStore


def local_store(folder: Path) -> MemoryStore:
    """A store whose header is durable in ``folder`` before anyone sees it."""

    def persist(name: str, value: dict[str, Any]) -> None:
        if name == HEADER:
            write_header(folder, value)

    return MemoryStore(persist)


def write_header(folder: Path, value: dict[str, Any]) -> None:
    """Write the header, whole or not at all, and make it durable. Raises OSError."""
    path = folder / layout.HEADER
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def read_header(folder: Path) -> Header:
    """The header on disk; raises RunFolderError where there is none."""
    try:
        return Header.from_json(json.loads((folder / layout.HEADER).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder} is not a run's folder: it has no {layout.HEADER}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(f"{folder / layout.HEADER} cannot be read: {error}") from error
