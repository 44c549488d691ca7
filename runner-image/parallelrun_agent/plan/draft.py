"""How a plan gets onto the disk: drafted in a temporary folder, named by its hash, renamed into place whole.

A plan's folder is ``plan-<sha256>/`` and never changes once it is there:

``files.arrow``          path, size, mtime_ns, input (its number in the job), and ``path:<column>`` for each column that
                         a ``partitionFormat`` reads from paths
``parts.arrow``          tables only: the pieces that mini-batches consist of: file (number), start, stop
``mini_batches.arrow``   stop: mini-batch i is files (tables: parts) [stop[i-1], stop[i]); ``key:<name>`` for each key
``plan.json``            everything else, and the hashes of the tables

The hash covers everything that determines the mini-batches and how they are parsed; the input's own hash covers each
file's path, size and modification time. Nothing of either depends on when or where the plan was made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api import web_addresses
from parallelrun.api.layout import PLAN_PREFIX
from parallelrun.leases.header import Plan
from parallelrun_agent.plan.columns import Schema, TableWriter

VERSION = 1
FILES = "files.arrow"
PARTS = "parts.arrow"
MINI_BATCHES = "mini_batches.arrow"
DOCUMENT = "plan.json"
SCAN = "scan.arrow"
ALL_ROWS = "all_rows.arrow"
PATH_COLUMN = "path:"
KEY_COLUMN = "key:"

_FILES_SCHEMA: Schema = {"path": "bytes", "size": "int", "mtime_ns": "int", "input": "int"}
_PARTS_SCHEMA: Schema = {"file": "int", "start": "int", "stop": "int"}


@dataclass
class Draft:
    """A plan that is being written into ``folder``; ``document`` becomes plan.json."""

    folder: Path
    document: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    _writers: list[TableWriter] = field(default_factory=list)

    def files(self, path_columns: list[str]) -> TableWriter:
        """The table of files; rows are path, size, mtime_ns, input number, then the path columns' values."""
        return self._table(FILES, _FILES_SCHEMA | {PATH_COLUMN + name: "text" for name in path_columns})

    def parts(self) -> TableWriter:
        """The table of parts; rows are file number, start, stop."""
        return self._table(PARTS, _PARTS_SCHEMA)

    def scan(self, name: str = SCAN) -> TableWriter:
        """A table of parts that is not of the plan: what keys are read from, or rows counted."""
        return self._table(name, _PARTS_SCHEMA)

    def mini_batches(self, keys: list[str]) -> TableWriter:
        """The table of mini-batches; rows are stop, then the keys' values."""
        return self._table(MINI_BATCHES, {"stop": "int"} | {KEY_COLUMN + name: "text" for name in keys})

    def closed(self, name: str, writer: TableWriter) -> int:
        """Close one table; returns its number of rows."""
        self.digests[name] = writer.close()
        return writer.rows

    def abandon(self) -> None:
        """Let go of every table."""
        for writer in self._writers:
            writer.abandon()

    def _table(self, name: str, schema: Schema) -> TableWriter:
        writer = TableWriter(self.folder / name, schema)
        self._writers.append(writer)
        return writer


@contextmanager
def drafted(folder: Path) -> Iterator[Draft]:
    """A draft in a temporary folder within ``folder``, which is removed whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".planning-"))
    try:
        draft = Draft(temporary)
        try:
            yield draft
        finally:
            draft.abandon()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(draft: Draft, total: int) -> Plan:
    """Write plan.json and rename the draft to its hash; where that plan exists already, it stays as it is."""
    document = {"version": VERSION, "total": total, **draft.document, "tables": draft.digests}
    text = json.dumps(document, indent=1)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    (draft.folder / DOCUMENT).write_text(text + "\n", encoding="utf-8")
    if any(web_addresses.holds_query(path) for one in document["inputs"] for path in one["paths"]):
        for file in draft.folder.iterdir():
            file.chmod(0o600)
    _sync(draft.folder / DOCUMENT)
    _sync(draft.folder)
    parent = draft.folder.parent
    try:
        draft.folder.chmod(0o755)
        draft.folder.rename(parent / (PLAN_PREFIX + sha256))
    except OSError:
        if not (parent / (PLAN_PREFIX + sha256) / DOCUMENT).is_file():
            raise
    _sync(parent)
    return Plan(sha256, total, draft.digests[FILES])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
