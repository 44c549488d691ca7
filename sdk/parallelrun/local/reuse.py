"""Earlier runs on this machine whose results a new one may take over, if it would make the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.settings import EarlierJob
from parallelrun.local import run_folder


def earlier_runs(folders: Sequence[Path]) -> list[EarlierJob]:
    """Those of the runs in ``folders`` that succeeded without any failed item, in the same order.

    Raises RunFolderError for a folder that is no run's, or whose result is damaged.
    """
    found = (_earlier_run(run_folder.existing(folder)) for folder in folders)
    return [one for one in found if one is not None]


def _earlier_run(folder: Path) -> EarlierJob | None:
    if not (folder / layout.SUCCESS).exists() or not (folder / layout.RESULT).exists():
        return None
    result = run_folder.read_json(folder, layout.RESULT)
    if result.get("phase") != "Done" or result["items"]["failed"] or not result.get("fingerprint"):
        return None
    return EarlierJob(str(folder), result["uid"], str(folder), result["fingerprint"], result["outputs"])
