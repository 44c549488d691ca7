"""Reads a pipeline's file: the pipeline, a run of it where there is one, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelrun.api import checks, hints
from parallelrun.api.documents import Document, read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import read_text
from parallelrun.api.models import API_VERSION, KIND
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.api.models.pipeline_run import PIPELINE_RUN
from parallelrun.api.problems import report
from parallelrun.api.registry import NotRegistered
from parallelrun.api.shape import without_nulls
from parallelrun.api.source_files import YAML
from parallelrun.local.pipelines.detecting import is_pipeline
from parallelrun.pipelines import check

Json = dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """A pipeline that is right."""

    name: str
    spec: Json  # as in the file, without nulls
    run: Json  # spec of the ParallelRunPipelineRun, where there is one
    others: list[Json]  # documents of the file that are neither
    path: Path  # the file; relative paths start in its folder
    given: bool = False  # as text: there may be no such file

    def manifest_of(self, job: str, spec: Mapping[str, Any]) -> str:
        """The YAML of a step's job, with all that its names may refer to."""
        import yaml

        whole = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": job}, "spec": dict(spec)}
        return yaml.safe_dump_all([whole, *self.others], sort_keys=False, allow_unicode=True, width=120)


def load(source: str | Path, name: str = "pipeline.yaml") -> Loaded:
    """The one pipeline of a file, or of YAML text (a str with a newline in it), which is called ``name``.

    A ParallelRunPipelineRun may stand beside it, or name one in another file of the same folder.
    Raises ManifestError with every problem and its line.
    """
    path, text = read_text(source, name)
    found = _read(path, text, given=isinstance(source, str) and "\n" in source)
    if len(found) > 1:
        names = ", ".join(sorted({one.name for one in found}))
        runs = "several runs of pipelines" if all(one.run for one in found) else "several pipelines"
        raise ManifestError(f"{path}: there are {runs} in this file: {names}.", "Write each into a file of its own.")
    return found[0]


def load_all(path: Path) -> list[Loaded]:
    """Every run of a pipeline in a file, and every pipeline that no run of the file is of. Raises as :func:`load`."""
    return _read(*read_text(path, str(path)), given=False)


def _read(path: Path, text: str, given: bool) -> list[Loaded]:
    documents = read_documents(text, str(path))
    pipelines, runs = _of_kind(documents, PIPELINE), _of_kind(documents, PIPELINE_RUN)
    if not pipelines and not runs:
        raise ManifestError(f"{path}: there is no {PIPELINE} in this file.", f"It says: kind: {PIPELINE}")
    _check(path, [*pipelines, *runs])
    others = [one.value for one in documents if one not in (*pipelines, *runs) and isinstance(one.value, dict)]
    here = {_name(one): Loaded(_name(one), _spec(one), {}, others, path, given) for one in pipelines}
    found = []
    for document in runs:
        run = _spec(document)
        if "pipelineSpec" in run:
            found.append(Loaded(_name(document), run["pipelineSpec"], run, others, path, given))
            continue
        wanted = run["pipeline"]["name"]
        base = here.get(wanted) or _beside(path, wanted, list(here))
        found.append(replace(base, run=run, others=[*others, *(one for one in base.others if one not in others)]))
    alone = here.keys() - {one.name for one in found}
    return [*found, *(one for name, one in here.items() if name in alone)]


def _of_kind(documents: Sequence[Document], kind: str) -> list[Document]:
    return [one for one in documents if isinstance(one.value, dict) and one.value.get("kind") == kind]


def _name(document: Document) -> str:
    return str(document.value["metadata"]["name"])


def _spec(document: Document) -> Json:
    spec: Json = without_nulls(document.value)["spec"]
    return spec


def _check(path: Path, documents: Sequence[Document]) -> None:
    found = []
    for document in documents:
        for problem in check.problems(without_nulls(document.value)):
            found.append(checks.moved(problem, line=document.line_of(problem.path)))
    if found:
        raise report(str(path), found)


def _beside(path: Path, name: str, names: list[str]) -> Loaded:
    """The pipeline ``name`` of another file in the folder of ``path``, whose own pipelines are ``names``."""
    for file in sorted(path.parent.iterdir()) if path.parent.is_dir() else []:
        if file.name.endswith(YAML) and file.name != path.name and is_pipeline(file):
            documents = _of_kind(read_documents(*_text_of(file)), PIPELINE)
            if name in map(_name, documents):
                return next(one for one in load_all(file) if one.name == name)
            names = [*names, *map(_name, documents)]
    message = f"spec.pipeline.name: there is no pipeline {name} in this file or beside it."
    raise NotRegistered(PIPELINE, name, message, hints.known("pipeline", name, names))


def _text_of(file: Path) -> tuple[str, str]:
    path, text = read_text(file, str(file))
    return text, str(path)
