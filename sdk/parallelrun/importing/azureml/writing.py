"""Writes an import: pipeline.yaml, registered.yaml, copies of code, REPORT.md."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import source_files
from parallelrun.api.errors import ManifestError, OutputError
from parallelrun.importing.azureml.book import Code
from parallelrun.importing.azureml.pipeline import Translated
from parallelrun.importing.azureml.report import TITLE

PIPELINE, REGISTERED, REPORT, CODE = "pipeline.yaml", "registered.yaml", "REPORT.md", "code"
_OURS = (PIPELINE, REGISTERED, REPORT, CODE)


def check(folder: Path, force: bool) -> None:
    """Whether ``folder`` can be written to. Raises ManifestError where it holds what an import writes: another import's
    is replaced with ``force``, what people put there never."""
    if folder.exists() and not folder.is_dir():
        raise ManifestError(f"{folder} is a file.", "Give a folder with -o.")
    there = sorted(set(os.listdir(folder)) & set(_OURS)) if folder.is_dir() else []
    if not there:
        return
    if not _is_import(folder):
        raise ManifestError(
            f"{folder} holds {', '.join(there)}, which no import wrote.", "Give another folder with -o."
        )
    if not force:
        raise ManifestError(f"{folder} holds an import already.", "Give another folder, or --force to replace it.")


def _is_import(folder: Path) -> bool:
    try:
        return (folder / REPORT).read_text(encoding="utf-8", errors="replace").startswith(TITLE)
    except OSError:
        return False


def write(folder: Path, made: Translated, report: str, origin: str) -> None:
    """Write everything into ``folder``; what an earlier import left there is replaced, but only once all is there.

    Raises SourceError for code that cannot be copied, OutputError for a folder that cannot be written to.
    """
    about = f"# Imported from {origin} by `parallelrun import azureml`; {REPORT} says what became of each field.\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=folder) as name:
            new = Path(name)
            for code in made.codes:
                _copy(new, code, os.path.realpath(folder))
            if made.registered:
                (new / REGISTERED).write_text(about + _yaml(*made.registered), encoding="utf-8")
            (new / PIPELINE).write_text(about + _yaml(made.pipeline), encoding="utf-8")
            (new / REPORT).write_text(report, encoding="utf-8")
            _replace(folder, new)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error.strerror}.", "Give another folder with -o.") from None


def _replace(folder: Path, new: Path) -> None:
    for name in _OURS:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
        if (new / name).exists():
            (new / name).rename(folder / name)


def _copy(folder: Path, code: Code, leave_out: str) -> None:
    target = folder / code.folder
    target.mkdir(parents=True)
    if code.origin is not None:
        origin = Path(code.origin)
        if origin.is_file():
            source_files.copy(origin.parent, [source_files.file_at(origin.parent, origin.name)], target)
        else:
            source_files.copy(origin, source_files.files(origin, lambda path: path == leave_out), target)
    for name, text in code.made.items():
        (target / name).write_text(text, encoding="utf-8")


def _yaml(*documents: Any) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)
