"""Reads a pipeline's file: the pipeline, a run of it where there is one, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelrun.api import checks, hints
from parallelrun.api.documents import Document, read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import read_text
from parallelrun.api.models import API_VERSION, KIND
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.api.models.pipeline_run import PIPELINE_RUN
from parallelrun.api.problems import Problem, report
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
    documents = read_documents(text, str(path))
    pipelines, runs = _of_kind(documents, PIPELINE), _of_kind(documents, PIPELINE_RUN)
    for kind, found in ((PIPELINE, pipelines), (PIPELINE_RUN, runs)):
        if len(found) > 1:
            rule = f"a second {kind}: a file has one; write each into its own"
            raise report(str(path), [Problem((), rule, found[1].line)])
    if not pipelines and not runs:
        raise ManifestError(f"{path}: there is no {PIPELINE} in this file.", f"It says: kind: {PIPELINE}")
    _check(path, [*pipelines, *runs])
    run: Json = without_nulls(runs[0].value)["spec"] if runs else {}
    others = [one.value for one in documents if one not in (*pipelines, *runs) and isinstance(one.value, dict)]
    given = isinstance(source, str) and "\n" in source
    if "pipelineSpec" in run:
        return Loaded(_name(runs[0]), run["pipelineSpec"], run, others, path, given)
    if runs and not (pipelines and _name(pipelines[0]) == run["pipeline"]["name"]):
        beside = _beside(path, run["pipeline"]["name"], pipelines)
        return Loaded(beside.name, beside.spec, run, [*others, *beside.others], beside.path)
    return Loaded(_name(pipelines[0]), without_nulls(pipelines[0].value)["spec"], run, others, path, given)


def _of_kind(documents: Sequence[Document], kind: str) -> list[Document]:
    return [one for one in documents if isinstance(one.value, dict) and one.value.get("kind") == kind]


def _name(document: Document) -> str:
    return str(document.value["metadata"]["name"])


def _check(path: Path, documents: Sequence[Document]) -> None:
    found = []
    for document in documents:
        for problem in check.problems(without_nulls(document.value)):
            found.append(checks.moved(problem, line=document.line_of(problem.path)))
    if found:
        raise report(str(path), found)


def _beside(path: Path, name: str, here: Sequence[Document]) -> Loaded:
    names = [_name(one) for one in here]
    for file in sorted(path.parent.iterdir()) if path.parent.is_dir() else []:
        if file.name.endswith(YAML) and file.name != path.name and is_pipeline(file):
            found = _of_kind(read_documents(file.read_text(encoding="utf-8-sig"), str(file)), PIPELINE)
            if found and _name(found[0]) == name:
                return load(file)
            names += [_name(one) for one in found]
    raise ManifestError(
        f"{path}: spec.pipeline.name: there is no pipeline {name} in this file or beside it.",
        hints.known("pipeline", name, names),
    )
