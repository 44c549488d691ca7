"""Reads a manifest: YAML, ``--set``, the models, the rules; every problem at once, each with its line.

The file may bring other objects along (ConfigMaps with code, say); exactly one ParallelRunJob is in it.
"""

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from parallelrun.api import checks, overrides
from parallelrun.api.documents import Document, read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.models import API_VERSION, KIND, ParallelRunJob
from parallelrun.api.problems import NOTHING, Problem, nearest, report
from parallelrun.api.shape import without_nulls


@dataclass(frozen=True)
class LoadedJob:
    """A manifest that is right."""

    job: ParallelRunJob
    documents: list[dict[str, Any]]  # all of the file, as they are in it (without --set)
    path: pathlib.Path  # the file, or the name given for text
    text: str


def load_manifest(source: str | os.PathLike[str], sets: Sequence[str] = (), name: str = "manifest.yaml") -> LoadedJob:
    """The one ParallelRunJob of a file, or of YAML text (a str with a newline in it), which is called ``name``.

    ``sets``: values that replace those of the file, each as in "spec.nodeCount=4". Raises ManifestError.
    """
    path, text = read_text(source, name)
    shown = str(path)
    documents = read_documents(text, shown)
    document = _the_job(documents, shown)
    values = [item.value for item in documents]
    return LoadedJob(_checked(document, sets, shown), values, path, text)


def read_text(source: str | os.PathLike[str], name: str) -> tuple[pathlib.Path, str]:
    """(path, text) of a file, or of YAML text, which is called ``name``. Raises ManifestError."""
    if isinstance(source, str) and "\n" in source:
        return pathlib.Path(name), source
    path = pathlib.Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ManifestError(f"{path}: the manifest cannot be read: {reason}.", _near_files(path)) from None
    try:
        return path, data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}:{line}: the manifest is not UTF-8 text.", "Save it as UTF-8.") from None


def _near_files(path: pathlib.Path) -> str:
    folder = path.parent
    if path.is_dir():
        there = sorted(str(file) for file in path.glob("*.y*ml"))
        return f"It is a folder; give a file{': ' + ', '.join(there[:5]) if there else ''}."
    if not folder.is_dir():
        return f"There is no folder {folder}."
    near = nearest(path.name, [file.name for file in folder.iterdir()])
    return f"Did you mean {folder / near}?" if near else "Give the path of a file with a ParallelRunJob in it."


def _the_job(documents: list[Document], name: str) -> Document:
    _refuse_others(documents, name)
    jobs = [document for document in documents if _is_job(document)]
    if not jobs and len(documents) == 1 and ("spec" in documents[0].value or "kind" not in documents[0].value):
        return documents[0]  # meant to be one: its problems say what is missing
    if not jobs:
        raise report(name, [_no_job(documents)])
    if len(jobs) > 1:
        rule = "a second ParallelRunJob: a file has one; write each job into its own"
        names = [(job.value.get("metadata") or {}).get("name", NOTHING) for job in jobs]
        raise report(name, [Problem(("metadata", "name"), rule, job.line_of(("metadata", "name")), value)
                            for job, value in zip(jobs[1:], names[1:], strict=True)])  # fmt: skip
    return jobs[0]


def _is_job(document: Document) -> bool:
    return bool(document.value.get("kind") == KIND)


def _refuse_others(documents: list[Document], name: str) -> None:
    rule = "a manifest is an object with apiVersion, kind, metadata and spec"
    wrong = [document for document in documents if not isinstance(document.value, dict)]
    if wrong:
        raise report(name, [Problem((), rule, item.line, item.value, f"apiVersion: {API_VERSION}") for item in wrong])


def _no_job(documents: list[Document]) -> Problem:
    kinds = [str(document.value.get("kind", "nothing")) for document in documents]
    near = next((document for document in documents if nearest(str(document.value.get("kind")), [KIND])), None)
    example = f"apiVersion: {API_VERSION}\nkind: {KIND}"
    if near is not None:
        line = near.line_of(("kind",))
        return Problem(("kind",), f"did you mean {KIND}?", line, near.value["kind"], example)
    found = f"only {', '.join(sorted(set(kinds)))}" if kinds else "it is empty"
    return Problem((), f"there is no ParallelRunJob in this file, {found}", example=example)


def _checked(document: Document, sets: Sequence[str], name: str) -> ParallelRunJob:
    value = without_nulls(document.value)
    given = overrides.parse(sets)
    for override in given:
        overrides.apply(value, override)
    value = without_nulls(value)
    problems = checks.problems(value)
    if problems:
        raise report(name, [_placed(problem, document, given) for problem in problems])
    try:
        return ParallelRunJob.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:  # pragma: no cover
        raise AssertionError(f"checks.problems() overlooked {error}") from error


def _placed(problem: Problem, document: Document, given: Sequence[overrides.Override]) -> Problem:
    """``problem`` with its line in the file, or with the --set that made it."""
    for override in reversed(given):
        if problem.path[: len(override.path)] == override.path:
            return checks.moved(problem, source=f"--set {override.text}")
    return checks.moved(problem, line=document.line_of(problem.path))
