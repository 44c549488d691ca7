"""Where mini-batches ran: what `logs` needs of a run's reports."""

from __future__ import annotations

from pathlib import Path

from parallelrun_agent.report.reading import RunReport


def places(folder: Path, mini_batch: int | None, failed: bool) -> set[tuple[int, int | None]]:
    """(node, process) of those that ran ``mini_batch`` (None: any), of failed ones only if ``failed``.

    Process None: which one it was is not known, as when a whole node died. Raises RunFolderError.
    """
    found = RunReport(folder).mini_batches(failed=True if failed else None, mini_batch=mini_batch)
    return {(_number(line.node), _number(line.process) if line.process else None) for line in found}


def _number(name: str) -> int:
    """3 of ``node003`` and of ``process003``."""
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
