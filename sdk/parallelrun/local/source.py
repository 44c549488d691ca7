"""The source folder of a run on this machine, copied into the run's folder.

Each run has its own writable copy, which is the working directory of its processes: scripts clone and write into it,
and an edit made while a job runs must not reach half of its processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parallelrun.api import layout, source_files
from parallelrun.api.errors import InputChanged
from parallelrun.api.source_files import File as File
from parallelrun.api.source_files import folder as folder
from parallelrun.local import run_folder


def files(root: Path, skip: Path | None = None) -> list[File]:
    """The files of a source folder in a stable order; version control, caches, Secrets and runs' folders are left out.

    ``skip`` is one more folder to leave out, without links in it. Raises SourceError for a folder above the limits.
    """
    return source_files.files(root, lambda path: Path(path) == skip or _is_run(Path(path)))


def _is_run(folder: Path) -> bool:
    return run_folder.looks_like_run(folder) or (folder / layout.PIPELINE_RESULT).exists()


def copy(root: Path, found: list[File], target: Path) -> dict[str, str]:
    """Copy ``found`` from ``root`` into the new folder ``target``, writable; gives each file's digest by name.

    Raises SourceError for a file that cannot be read, RunFolderError or NoSpace where ``target`` cannot be written.
    """
    with run_folder.explained(target):
        target.mkdir()
        return source_files.copy(root, found, target)


def copy_again(base: Path, wanted: Mapping[str, str], target: Path) -> None:
    """Copy the files ``wanted`` (digests by name) from an earlier run's copy, which its script may have written to.

    Raises InputChanged, naming the file, where one is not what was run.
    """
    try:
        found = [source_files.file_at(base, name) for name in wanted]
    except FileNotFoundError as error:
        raise InputChanged(f"{error.filename} is no longer there.", "Give the source again: --source DIR.") from None
    copied = copy(base, found, target)
    for name, digest in copied.items():
        if _bytes_of(digest) != _bytes_of(wanted[name]):  # our copy is more writable than the original
            raise InputChanged(
                f"{base / name} is not what it was when the run began: its script wrote to it.",
                "Give the source again: --source DIR.",
            )


def _bytes_of(digest: str) -> str:
    return digest.partition(":")[2]
