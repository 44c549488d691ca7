"""Writes an import: pipeline.yaml, registered.yaml, copies of code, REPORT.md."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import source_files
from parallelrun.api.errors import ManifestError, OutputError
from parallelrun.importing.azureml.book import Code
from parallelrun.importing.azureml.pipeline import Translated

PIPELINE, REGISTERED, REPORT, CODE = "pipeline.yaml", "registered.yaml", "REPORT.md", "code"
_OURS = (PIPELINE, REGISTERED, REPORT, CODE)


def check(folder: Path, force: bool) -> None:
    """Whether ``folder`` can be written to. Raises ManifestError where something of that name is there."""
    if folder.exists() and not folder.is_dir():
        raise ManifestError(f"{folder} is a file.", "Give a folder with -o.")
    there = sorted(set(os.listdir(folder)) & set(_OURS)) if folder.is_dir() else []
    if there and not force:
        raise ManifestError(f"{folder} holds {', '.join(there)} already.", "Give another folder, or --force.")


def write(folder: Path, made: Translated, report: str, origin: str) -> None:
    """Write everything into ``folder``; what an earlier import left there is replaced.

    Raises SourceError for code that cannot be copied, OutputError for a folder that cannot be written to.
    """
    about = f"# Imported from {origin} by `parallelrun import azureml`; {REPORT} says what became of each field.\n"
    try:
        _remove_earlier(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for code in made.codes:
            _copy(folder, code)
        if made.registered:
            (folder / REGISTERED).write_text(about + _yaml(*made.registered), encoding="utf-8")
        (folder / PIPELINE).write_text(about + _yaml(made.pipeline), encoding="utf-8")
        (folder / REPORT).write_text(report, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error.strerror}.", "Give another folder with -o.") from None


def _remove_earlier(folder: Path) -> None:
    if (folder / CODE).is_dir() and (folder / REPORT).is_file():
        shutil.rmtree(folder / CODE)
    for name in (PIPELINE, REGISTERED, REPORT):
        (folder / name).unlink(missing_ok=True)


def _copy(folder: Path, code: Code) -> None:
    target = folder / code.folder
    target.mkdir(parents=True)
    if code.origin is not None:
        origin = Path(code.origin)
        here = os.path.realpath(folder)
        if origin.is_file():
            source_files.copy(origin.parent, [source_files.file_at(origin.parent, origin.name)], target)
        else:
            source_files.copy(origin, source_files.files(origin, lambda path: path == here), target)
    for name, text in code.made.items():
        (target / name).write_text(text, encoding="utf-8")


def _yaml(*documents: Any) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)
