"""A pipeline's file as a ParallelRunPipeline, and what it needs; nothing is written here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from parallelrun.api.errors import ManifestError
from parallelrun.api.models.base import Model
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.pipeline import ScriptStep
from parallelrun.api.models.spec import ParallelRunJobSpec
from parallelrun.api.problems import NOTHING
from parallelrun.api.shape import fields
from parallelrun.importing.azureml import bindings, command, compute, expressions, parallel, steps
from parallelrun.importing.azureml.bindings import Bound, Output, Scope
from parallelrun.importing.azureml.book import Book, Code, Json, reference
from parallelrun.importing.azureml.section import Section
from parallelrun.importing.azureml.step import Step, output_name
from parallelrun.pipelines import check

_KINDS = {"parallel": parallel.spec, "command": command.spec}
_ABOUT = ("$schema", "type", "name", "version", "id", "is_deterministic")
_SETTINGS = {
    "default_datastore": "dropped: each run keeps its data in a folder of its own",
    "continue_on_step_failure": "dropped: it is said of a run, with --continue-on-step-failure",
    "continue_run_on_step_failure": "dropped: it is said of a run, with --continue-on-step-failure",
}
_NAME_LENGTH = 40  # names of runs, steps and pods are made of it


@dataclass
class Translated:
    """What is to be written."""

    pipeline: Json
    registered: list[Json]
    codes: list[Code]


def translate(book: Book, path: PurePosixPath) -> Translated:
    """The pipeline in the file ``path``. Raises ManifestError for a file that is none."""
    root = book.open(path)
    jobs = _jobs(root)
    outputs = dict(root["outputs"].fields())
    made = [step for name, section in jobs.items() if (step := _step(book, name, section, outputs)) is not None]
    _unique(made)
    if not made:
        raise ManifestError(f"{root.file.name}: none of its jobs can be imported.", _lost(book))
    inputs, parameters = _inputs(book, root, made)
    scope = Scope(inputs, {(step.key, name): out for step in made for name, out in _handed_on(step).items()})
    for step in made:
        step.inputs = _bound(step, scope)
    spec: Json = {
        **_about(root),
        **({"parameters": parameters} if parameters else {}),
        **_defaults(book, root),
        "steps": [_document(step, root) for step in made],
    }
    _settings(root)
    whole = {"apiVersion": API_VERSION, "kind": "ParallelRunPipeline", "metadata": {"name": _name(root)}, "spec": spec}
    _tell_unread(book)
    _tell_problems(root, whole)
    return Translated(whole, list(book.registered.values()), book.codes)


def _jobs(root: Section) -> dict[str, Section]:
    """The jobs of a pipeline; a job or component of its own is a pipeline of one."""
    kind = str(root["type"].value or ("pipeline" if "jobs" in root else ""))
    if kind == "pipeline" or "jobs" in root:
        return dict(root["jobs"].fields())
    if kind in _KINDS or "task" in root or "command" in root:
        return {str(root["name"].value or root.file.path.stem): root}
    raise ManifestError(
        f"{root.file.name}: this is no pipeline, parallel or command job of Azure ML's v2 YAML"
        + (f", but of type {kind}." if kind else "."),
        "Give the file that `az ml job create --file` takes; YAML of assets that it names is given by --with.",
    )


def _step(book: Book, key: str, job: Section, whole: dict[str, Section]) -> Step | None:
    """One job, its component read; None, and told, where it cannot be one of ours."""
    name = _label(key)
    component = _component(book, job)
    if component is None and "component" in job:
        return None
    kinds = [str(part["type"].value) for part in (job, component) if part is not None and part["type"]]
    kind = next((one for one in reversed(kinds) if one in _KINDS), "")
    if not kind and not kinds:
        found = component if component is not None else job
        kind = "parallel" if "task" in found else "command" if "command" in found else ""
    if not kind:
        job["type"].lost(
            f"no step: jobs of type {kinds[0] if kinds else 'unknown'} have no counterpart here",
            "Write a step into pipeline.yaml that does its work: script (a program) or job (mini-batches).",
        )
        job.seen()
        return None
    step = Step(key, name, kind, job, component, book, Code(f"code/{name}"))
    if kind == "parallel":
        step.appended, step.main = parallel.appended(step), parallel.input_name(step)
    step.outputs = _outputs(step, {} if job.path == () else whole)
    return step


def _component(book: Book, job: Section) -> Section | None:
    section = job["component"]
    if not section:
        return None
    if section.is_mapping:
        return section
    text = str(section.value).strip()
    if text.startswith("azureml:"):
        name = reference(text)[0]
        given = book.assets.get(("component", name))
        if given is None:
            section.lost(
                "no step: only the workspace has this component",
                "Give its own YAML file to the import, --with FILE, or write the step into pipeline.yaml.",
            )
            job.seen()
        else:
            section.mapped("as its own file says")
        return given
    try:
        found = book.open(book.beside(section, text.removeprefix("file:")))
    except ManifestError as error:
        section.lost(f"no step: {error.message}", "Give the file, and import again.")
        job.seen()
        return None
    section.mapped("as its own file says")
    return found


def _outputs(step: Step, whole: dict[str, Section]) -> dict[str, Any]:
    declared: dict[str, list[Section]] = {}
    for section in (step.job, step.component):
        if section is not None:
            for name, child in section["outputs"].fields():
                declared.setdefault(name, []).append(child)
    return {
        name: steps.output_place(step.book, name, sections, _of_pipeline(sections, whole))
        for name, sections in declared.items()
    }


def _of_pipeline(sections: list[Section], whole: dict[str, Section]) -> Section | None:
    """The pipeline's output that a step's stands for."""
    for section in sections:
        text = section["path"].value if section.is_mapping else section.value
        expression = expressions.only(text) if isinstance(text, str) else ""
        name = expression.removeprefix("parent.").removeprefix("outputs.")
        if expression.endswith(f"outputs.{name}") and name in whole:
            section.mapped(f"the output {name} of the pipeline")
            return whole[name]
    return None


def _handed_on(step: Step) -> dict[str, Output]:
    """How later steps name this one's outputs."""
    found = {}
    for name, place in step.outputs.items():
        if name == step.appended:
            text = f"$(steps.{step.name}.{'file' if place.file else 'output'})"
        else:
            text = f"$(steps.{step.name}.outputs.{output_name(name)})" + (f"/{place.file}" if place.file else "")
        found[name] = Output(text, place.type)
    return found


def _inputs(book: Book, root: Section, made: list[Step]) -> tuple[dict[str, Bound], list[Json]]:
    """The pipeline's inputs: what they stand for, and the parameters that they become."""
    if root["jobs"]:
        split, otherwise = _uses(made)
        found, parameters = {}, []
        for name, section in root["inputs"].fields():
            found[name], parameter = bindings.of_pipeline(book, name, section, name in split - otherwise)
            parameters += [parameter] if parameter is not None else []
        return found, parameters
    return {}, []


def _uses(made: list[Step]) -> tuple[set[str], set[str]]:
    """The pipeline's inputs that steps split into mini-batches, and those that they use in another way."""
    split: set[str] = set()
    otherwise: set[str] = set()
    for step in made:
        for name, section in step.job["inputs"].fields():
            path = section["path"] if section.is_mapping else section
            text = path.raw
            for expression in expressions.names(text) if isinstance(text, str) else ():
                used = expression.removeprefix("parent.").removeprefix("inputs.")
                (split if name == step.main else otherwise).add(used)
    return split, otherwise


def _bound(step: Step, scope: Scope) -> dict[str, Bound]:
    given = dict(step.job["inputs"].fields())
    declared = {} if step.component is None else dict(step.component["inputs"].fields())
    return {
        name: bindings.of_step(step.book, given.get(name), declared.get(name), scope, name == step.main)
        for name in {**declared, **given}
    }


def _document(step: Step, root: Section) -> Json:
    made: Json = {"name": step.name}
    deterministic = step.pick("is_deterministic")
    forced = root["settings"]["force_rerun"]
    if deterministic is not None and deterministic.value is False:
        deterministic.mapped(f"steps[{step.name}].allowReuse: false")
        made["allowReuse"] = False
    elif forced and forced.value is True:
        forced.mapped("allowReuse: false, of each step")
        made["allowReuse"] = False
    model: type[Model] = ParallelRunJobSpec if step.kind == "parallel" else ScriptStep
    spec = _KINDS[step.kind](step)
    made["job" if step.kind == "parallel" else "script"] = {key: spec[key] for key in fields(model) if key in spec}
    return made


def _about(root: Section) -> Json:
    for key in _ABOUT:
        root[key].seen()
    made: Json = {}
    if not root["jobs"]:
        return made
    if text := root["description"].value:
        made["description"] = str(text).strip()
        root["description"].mapped("description")
    if root["tags"].is_mapping:
        made["tags"] = {str(key): str(value.value) for key, value in root["tags"].fields()}
        root["tags"].mapped("tags")
    if name := root["experiment_name"].value:
        made["experiment"] = str(name)
        root["experiment_name"].mapped("experiment")
    if root["properties"]:
        root["properties"].approximated("dropped: they are for Azure's own tools")
    return made


def _defaults(book: Book, root: Section) -> Json:
    if not root["jobs"]:
        return {}
    for section in (root["settings"]["default_compute"], root["compute"]):
        if section and (name := compute.of(book, section)):
            return {"computeTarget": name}
    return {}


def _settings(root: Section) -> None:
    for key, why in _SETTINGS.items():
        if section := root["settings"][key]:
            section.approximated(why)
    root["settings"]["force_rerun"].seen()


def _tell_unread(book: Book) -> None:
    for file in list(book.opened.values()):
        for section in file.unread():
            section.lost("nothing: this is not known here", "See whether results depend on it.")


def _tell_problems(root: Section, pipeline: Json) -> None:
    """What is still wrong with the pipeline that was made."""
    for problem in check.problems(pipeline):
        root.file.findings.add(
            "lost", root.file.name, 1, problem.path, None if problem.value is NOTHING else problem.value,
            f"this field of pipeline.yaml as it is, which is not right: {problem.rule}",
            f"For example {problem.example}" if problem.example else "Mend it in pipeline.yaml.",
        )  # fmt: skip


def _name(root: Section) -> str:
    text = next((str(root[key].value) for key in ("name", "display_name") if root[key].value), root.file.path.stem)
    if root["display_name"]:
        root["display_name"].mapped(f"metadata.name: {_label(text)}")
    return _label(text)


def _label(text: str) -> str:
    """A name of ours: ``batch_prediction`` becomes ``batch-prediction``."""
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_NAME_LENGTH].strip("-")
    return made or "pipeline"


def _unique(made: list[Step]) -> None:
    taken: set[str] = set()
    for step in made:
        name, number = step.name, 1
        while step.name in taken:
            number += 1
            step.name = f"{name}-{number}"
        taken.add(step.name)
        step.code.folder = f"code/{step.name}"


def _lost(book: Book) -> str:
    return "\n".join(f"{one.file}:{one.line}: {one.field}: {one.became}" for one in book.findings.of("lost"))
