"""A job's end: check and freeze the winners, merge, report. One agent at a time is granted it, in a thread of its own.

prepare          Finalizing: which record wins, whether its payload is what was written, what has to be run again
commit           Committing: the output and the reports; the same bytes whoever repeats it
succeed          _SUCCESS, after an output in an object store was put there (`remote`)
take_over        Committing: reports and _SUCCESS of a job that takes over what an earlier one made
report_aborted   Aborted: the reports alone
clean_up         after Done is in the header: what the settings do not keep
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.settings import JobSettings, OutputSettings
from parallelrun.leases.allocator import Counts
from parallelrun.leases.header import Header
from parallelrun_agent.output import durable, owner
from parallelrun_agent.output.merge import merge
from parallelrun_agent.output.payloads import Corrupt, Payloads
from parallelrun_agent.output.segments import segment_path, sync
from parallelrun_agent.output.winners import FAILED, TEMPORARY, RecordId, Winners, merged
from parallelrun_agent.report import job_result, mini_batches
from parallelrun_agent.storage.places import is_url

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What finalizing found. ``sha256`` names the saved table; "" where something is ``missing``.

    ``missing``: ranges [start, stop) to be reopened, without naming former holders: whatever these sealed of them is
    not good enough. ``corrupt``: the damaged records. ``counts``: of the table.
    """

    sha256: str
    missing: list[tuple[int, int]]
    corrupt: list[Corrupt]
    counts: Counts

    def uncount(self, start: int, stop: int) -> Counts:
        """What [start, stop), a part of ``missing``, had been counted for, as far as its records still tell."""
        last = {corrupt.mini_batch: corrupt.counts for corrupt in reversed(self.corrupt)}
        known = [counts for mini_batch, counts in last.items() if start <= mini_batch < stop]
        return sum(known, Counts(completed=stop - start - len(known)))


def prepare(folder: Path, total: int) -> Prepared:
    """Choose the winners of mini-batches 0 to ``total`` - 1, check every payload, and freeze the table if all is there.

    A damaged record counts as not there: the next best one of its mini-batch wins, but for a failure that the damaged
    success had been sealed beside or after. Raises NoSpace, OutputError or OSError.
    """
    corrupt: list[Corrupt] = []
    while True:
        bad: set[RecordId] = {(record.segment, record.record) for record in corrupt}
        winners = Winners.build(folder, total, bad)
        try:
            with Payloads(folder, winners) as payloads:
                found = list(payloads.verify())
            if found:
                corrupt += found
                continue
            missing = _to_reopen(winners, corrupt)
            sha256 = "" if missing else _save(folder, winners)
            return Prepared(sha256, missing, corrupt, winners.totals())
        finally:
            winners.close()


def commit(folder: Path, settings: JobSettings, header: Header) -> dict[str, Any]:
    """Write output and reports of the job in ``folder``; a short result for the header. :func:`succeed` comes next.

    ``header`` is one in Committing with the grant. Raises CorruptRecord or OutputError (the job has failed), NoSpace
    (call again when there is space).
    """
    assert header.winners is not None
    assert header.grant is not None
    winners = Winners.open(folder, header.winners)
    try:
        claim(folder, settings)
        output = merge(folder, winners, settings.output, header.grant.epoch)
        return _report(folder, settings, header, winners, output)
    finally:
        winners.close()


def succeed(folder: Path, settings: JobSettings) -> None:
    """Say that the output is whole, wherever it is, unless that is said already. Raises NoSpace or OutputError."""
    for place in dict.fromkeys((_target(folder, settings), folder)):
        if not (place / layout.SUCCESS).exists():
            durable.write_file(place / layout.SUCCESS, b"")


def take_over(folder: Path, settings: JobSettings, header: Header) -> dict[str, Any]:
    """Write the reports of a job that ran nothing, and ``_SUCCESS`` in its own ``folder``; a short result.

    ``header`` is one in Committing that says what is taken over. Raises NoSpace or OutputError.
    """
    winners = Winners.build(folder, 0)
    try:
        mini_batches.write(folder, winners)
    finally:
        winners.close()
    result = job_result.taken_over(settings, header, _started(folder), time.time())
    job_result.write(folder, result)
    durable.write_file(folder / layout.SUCCESS, b"")
    return job_result.short_form(result)


def report_aborted(folder: Path, settings: JobSettings, header: Header) -> dict[str, Any]:
    """Write the reports of a job that was aborted, also before it had a plan; a short result for the header.

    Raises NoSpace or OutputError.
    """
    owner.clear_success(folder, partial(owner.is_done, folder, settings.uid))
    winners = Winners.build(folder, header.plan.total if header.plan else 0)
    try:
        return _report(folder, settings, header, winners, None)
    finally:
        winners.close()


def clean_up(folder: Path, output: OutputSettings) -> None:
    """Once Done is in the header: drop unfinished tables and, unless they are kept, the segments.

    Not before: a successor of the finalizer may have to merge again. What cannot be deleted is logged.
    """
    try:
        for name in os.listdir(folder):
            if name.startswith(TEMPORARY):
                durable.remove(folder / name)
        if not output.keep_segments and (folder / layout.SEGMENTS).is_dir():
            shutil.rmtree(folder / layout.SEGMENTS)
    except OSError as error:
        log.warning("could not clean up %s: %s", folder, error)


def _to_reopen(winners: Winners, corrupt: list[Corrupt]) -> list[tuple[int, int]]:
    ranges = winners.missing()
    for mini_batch, epoch in sorted((c.mini_batch, c.epoch) for c in corrupt if c.succeeded):
        row = winners.rows[mini_batch]
        if row["state"] == FAILED and row["epoch"] <= epoch:
            ranges.append((mini_batch, mini_batch + 1))
    return merged(sorted(set(ranges)))


def _save(folder: Path, winners: Winners) -> str:
    """Sync the segments that the table speaks of: some of their records may not have been sealed. Then the table."""
    for name in winners.segments:
        sync(segment_path(folder, name))
    return winners.save(folder)


def claim(folder: Path, settings: JobSettings) -> None:
    """Make the folder of the output ready to be written to. Raises NoSpace or OutputError."""
    is_done = partial(owner.is_done, folder, settings.uid)
    owner.clear_success(folder, is_done)
    target = _target(folder, settings)
    if target != folder:
        owner.claim(target, settings.namespace, settings.name, is_done)


def _target(folder: Path, settings: JobSettings) -> Path:
    """The folder that the output is merged into."""
    path = settings.output.path
    return folder if path is None or is_url(path) or settings.output.action == "SummaryOnly" else Path(path)


def _report(
    folder: Path, settings: JobSettings, header: Header, winners: Winners, output: dict[str, Any] | None
) -> dict[str, Any]:
    mini_batches.write(folder, winners)
    result = job_result.describe(folder, settings, header, winners, output, _started(folder), time.time())
    job_result.write(folder, result)
    return job_result.short_form(result)


def _started(folder: Path) -> float:
    """When the job's folder was made ready: the settings are the first thing there that never changes."""
    try:
        return (folder / layout.SETTINGS).stat().st_mtime
    except FileNotFoundError:
        return time.time()
