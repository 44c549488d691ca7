"""Makes a plan: the table of all mini-batches, made once, named by its own hash."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from parallelrun.api.errors import InputError, NoSpace, RunFolderError, is_full
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases.header import Plan
from parallelrun_agent.plan.draft import FILES, MINI_BATCHES, drafted, publish
from parallelrun_agent.plan.file_plan import plan_files
from parallelrun_agent.plan.sources import Source, of_settings, own_output, path_columns
from parallelrun_agent.storage import Storage


def make_plan(settings: JobSettings, folder: Path, storage: Storage | None = None) -> Plan:
    """Plan the job's input into ``folder``/plan-<sha256>; the same input and settings give the same plan.

    ``storage``: the job's, where whoever waits for the plan is told what it waits for.

    Raises InputError for what is wrong with the input, StorageError for a store that cannot be read, NoSpace and
    RunFolderError where ``folder`` cannot be written.
    """
    try:
        return _make(settings, folder, storage or Storage(settings.stores))
    except OSError as error:  # of reading the input there is none left: those are InputErrors by now
        if is_full(error):
            raise NoSpace(f"{folder}: no space left for the plan", "Make room and run again.") from error
        raise RunFolderError(f"{folder} cannot be written: {error.strerror or error}") from error


def _make(settings: JobSettings, folder: Path, storage: Storage) -> Plan:
    if settings.run_once:
        return _plan_of_program(settings, folder)
    own = own_output(settings.output)
    sources = [replace(_source(number, one, storage), own_output=own) for number, one in enumerate(settings.inputs)]
    is_table = _same_kind(sources)
    if not is_table:
        _require_one_mode(settings)
    with drafted(folder) as draft:
        draft.document = _document(settings, sources, is_table)
        if is_table:
            from parallelrun_agent.plan.table_plan import plan_table

            return publish(draft, plan_table(settings, sources, draft, storage))
        return publish(draft, plan_files(settings, sources, draft, storage))


def _plan_of_program(settings: JobSettings, folder: Path) -> Plan:
    """One mini-batch, whose one file is the program itself."""
    with drafted(folder) as draft:
        draft.document = {
            "kind": "file",
            "mode": "Mount",
            "inputs": [],
            "mini_batch_size": 1,
            "partition_keys": [],
            "path_columns": {},
            "table": None,
        }
        files, mini_batches = draft.files([]), draft.mini_batches([])
        files.add((os.fsencode(settings.entry_script), 0, 0, 0))
        mini_batches.add((draft.closed(FILES, files),))
        return publish(draft, draft.closed(MINI_BATCHES, mini_batches))


def _source(number: int, settings: InputSettings, storage: Storage) -> Source:
    if settings.type == "MLTable":
        from parallelrun_agent.plan.mltable import of_mltable

        return of_mltable(number, settings, storage)
    return of_settings(number, settings)


def _same_kind(sources: Sequence[Source]) -> bool:
    """Whether all inputs are tables; raises InputError where some are and some are not."""
    first = sources[0]
    for other in sources[1:]:
        if other.is_table != first.is_table:
            table, files = (first, other) if first.is_table else (other, first)
            raise InputError(
                f"input {table.name!r} is a table and input {files.name!r} is files",
                "The inputs of one job are all File or all Tabular: run two jobs.",
            )
    return first.is_table


def _require_one_mode(settings: JobSettings) -> None:
    """Raises InputError where inputs are to be fetched in different ways: workers are told one."""
    first = settings.inputs[0]
    for other in settings.inputs[1:]:
        if other.mode != first.mode:
            raise InputError(
                f"input {other.name!r} has mode {other.mode}, but input {first.name!r} {first.mode}",
                "All inputs of a job have the same mode.",
            )


def _document(settings: JobSettings, sources: Sequence[Source], is_table: bool) -> dict[str, Any]:
    return {
        "kind": "table" if is_table else "file",
        "mode": "Mount" if is_table else settings.inputs[0].mode,
        "inputs": [source.described() for source in sources],
        "mini_batch_size": None if settings.partition_keys else settings.mini_batch_size,
        "partition_keys": settings.partition_keys,
        "path_columns": path_columns(sources),
        "table": None,
    }
