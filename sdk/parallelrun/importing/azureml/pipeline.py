"""A pipeline's file as a ParallelRunPipeline, and what it needs; nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from parallelrun.api.errors import ManifestError
from parallelrun.api.models.base import Model
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.pipeline import ScriptStep
from parallelrun.api.models.spec import ParallelRunJobSpec
from parallelrun.api.problems import NOTHING
from parallelrun.api.shape import fields
from parallelrun.importing.azureml import assets, bindings, compute, expressions, jobs, schedule
from parallelrun.importing.azureml.bindings import Bound
from parallelrun.importing.azureml.book import Book, Code, Json
from parallelrun.importing.azureml.section import Section
from parallelrun.importing.azureml.step import Step
from parallelrun.pipelines import check

_ABOUT = ("$schema", "type", "name", "version", "id", "is_deterministic")
_SETTINGS = {
    "default_datastore": "dropped: each run keeps its data in a folder of its own",
    "continue_on_step_failure": "dropped: it is said of a run, with --continue-on-step-failure",
    "continue_run_on_step_failure": "dropped: it is said of a run, with --continue-on-step-failure",
}


@dataclass
class Translated:
    """What is to be written."""

    pipeline: Json
    registered: list[Json]
    codes: list[Code]


def translate(book: Book, path: PurePosixPath) -> Translated:
    """The pipeline in the file ``path``, or that its schedule starts. Raises ManifestError for a file that is none."""
    file = root = book.open(path)
    if schedule.is_schedule(file):
        root = schedule.pipeline_of(book, file)
    _check_kind(root)
    pipeline = jobs.pipeline_of(book, root)
    group = jobs.read(book, root, pipeline)
    made = list(group.every())
    if not made:
        raise ManifestError(f"{root.file.name}: none of its jobs can be imported.", _lost(book))
    given = {**dict(pipeline["inputs"].fields()), **dict(root["inputs"].fields())} if pipeline["jobs"] else {}
    inputs, parameters = _inputs(book, given, group.steps)
    jobs.bind(book, group, inputs)
    spec: Json = {
        **(_about(root, pipeline) if pipeline["jobs"] else {}),
        **({"parameters": parameters} if parameters else {}),
        **(_defaults(book, root) if pipeline["jobs"] else {}),
        "steps": [_document(step, root) for step in made],
        **({"schedule": times} if root is not file and (times := schedule.of(file)) else {}),
    }
    for key in _ABOUT:
        root[key].seen()
    _settings(root)
    whole = {"apiVersion": API_VERSION, "kind": "ParallelRunPipeline", "metadata": {"name": _name(root)}, "spec": spec}
    _tell_unread(book)
    _tell_problems(root, whole)
    return Translated(whole, list(book.registered.values()), book.codes)


def _check_kind(root: Section) -> None:
    kind = str(root["type"].value or "")
    if kind == "pipeline" or "jobs" in root or kind in jobs.KINDS or "task" in root or "command" in root:
        return
    raise ManifestError(
        f"{root.file.name}: this is no pipeline, parallel or command job of Azure ML's v2 YAML"
        + (f", but of type {kind}." if kind else "."),
        "Give the file that `az ml job create --file` takes; YAML of assets that it names is given by --with.",
    )


def _inputs(book: Book, given: dict[str, Section], made: list[Step]) -> tuple[dict[str, Bound], list[Json]]:
    """The pipeline's inputs: what they stand for, and the parameters that they become."""
    found: dict[str, Bound] = {}
    parameters: list[Json] = []
    split, otherwise = _uses(made)
    for name, section in given.items():
        found[name], parameter = bindings.of_pipeline(book, name, section, name in split - otherwise)
        parameters += [parameter] if parameter is not None else []
    return found, parameters


def _uses(made: list[Step]) -> tuple[set[str], set[str]]:
    """The pipeline's inputs that steps split into mini-batches, and those that they use in another way."""
    split: set[str] = set()
    otherwise: set[str] = set()
    for step in made:
        for name, section in step.job["inputs"].fields():
            text = section["path"].raw if section.is_mapping else section.raw
            for expression in expressions.names(text) if isinstance(text, str) else ():
                used = expression.removeprefix("parent.").removeprefix("inputs.")
                (split if name == step.main else otherwise).add(used)
    return split, otherwise


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
    spec = jobs.KINDS[step.kind](step)
    made["job" if step.kind == "parallel" else "script"] = {key: spec[key] for key in fields(model) if key in spec}
    return made


def _about(root: Section, pipeline: Section) -> Json:
    made: Json = {}
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
    for _, output in (*root["outputs"].fields(), *pipeline["outputs"].fields()):
        for key in ("type", "mode", "description"):
            output[key].seen()
        if not output.is_mapping:
            output.seen()
    return made


def _defaults(book: Book, root: Section) -> Json:
    for section in (root["settings"]["default_compute"], root["compute"]):
        if section and (name := compute.of(book, section, str(section.value))):
            return {"computeTarget": name}
    return {}


def _settings(root: Section) -> None:
    for key, why in _SETTINGS.items():
        if section := root["settings"][key]:
            section.approximated(why)
    root["settings"]["force_rerun"].seen()


def _tell_unread(book: Book) -> None:
    assets.tell_unused(book)
    for file in list(book.opened.values()):
        for section in file.unread():
            section.lost("nothing: this is not known here", "See whether results depend on it.")


def _tell_problems(root: Section, pipeline: Json) -> None:
    """What is still wrong with the pipeline that was made."""
    for problem in check.problems(pipeline):
        root.file.findings.add(
            "lost",
            root.file.name,
            1,
            problem.path,
            None if problem.value is NOTHING else problem.value,
            f"this field of pipeline.yaml as it is, which is not right: {problem.rule}",
            f"For example {problem.example}" if problem.example else "Mend it in pipeline.yaml.",
        )


def _name(root: Section) -> str:
    text = next((str(root[key].value) for key in ("name", "display_name") if root[key].value), root.file.path.stem)
    if root["display_name"]:
        root["display_name"].mapped(f"metadata.name: {jobs.label(text)}")
    return jobs.label(text)


def _lost(book: Book) -> str:
    return "\n".join(f"{one.file}:{one.line}: {one.field}: {one.became}" for one in book.findings.of("lost"))
