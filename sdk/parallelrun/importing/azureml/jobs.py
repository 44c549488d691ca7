"""The jobs of a pipeline as steps: components read, pipelines among them laid open, names given, inputs bound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import bindings, command, expressions, parallel, steps
from parallelrun.importing.azureml.bindings import Bound, Output, Scope
from parallelrun.importing.azureml.book import Book, Code, reference
from parallelrun.importing.azureml.section import Section
from parallelrun.importing.azureml.step import Step, output_name

KINDS = {"parallel": parallel.spec, "command": command.spec}
_PIPELINE = "pipeline"
_ABOUT_PIPELINE = ("$schema", "type", "name", "version", "display_name", "description", "is_deterministic")
_NAME_LENGTH = 45  # names of runs, jobs and pods are made of it


@dataclass
class Group:
    """The jobs of a pipeline, or of one that is a job itself."""

    key: str  # in the pipeline around it; "": there is none
    job: Section | None = None
    component: Section | None = None
    members: list[Step | Group] = field(default_factory=list)  # in the order of the file
    exported: dict[tuple[str, str], str] = field(default_factory=dict)  # outputs of its own by job and output

    @property
    def steps(self) -> list[Step]:
        """Its own."""
        return [member for member in self.members if isinstance(member, Step)]

    @property
    def groups(self) -> list[Group]:
        """The pipelines in it."""
        return [member for member in self.members if isinstance(member, Group)]

    def every(self) -> Iterator[Step]:
        """All steps, also of the pipelines in it."""
        for member in self.members:
            yield from [member] if isinstance(member, Step) else member.every()

    def outputs(self) -> dict[tuple[str, str], Output]:
        """What its jobs hand on to each other."""
        found = {(step.key, name): _handed_on(step, name) for step in self.steps for name in step.outputs}
        for group in self.groups:
            inner = group.outputs()
            for source, name in group.exported.items():
                if source in inner:
                    found[group.key, name] = inner[source]
        return found


@dataclass(frozen=True)
class _Around:
    """What the jobs of a pipeline need to know of it."""

    outputs: Mapping[str, Section]
    above: str = ""  # what names of its steps begin with


def pipeline_of(book: Book, root: Section) -> Section:
    """The pipeline of a file: the file itself, or its component that has the jobs."""
    if root["jobs"] or str(root["type"].value) != _PIPELINE:
        return root
    found = _component(book, root)
    if found is None:
        return root
    for name in _ABOUT_PIPELINE:
        found[name].seen()
    for name, section in found["inputs"].fields():
        if name in root["inputs"]:
            section.seen()  # the job's counts
    return found


def read(book: Book, root: Section, pipeline: Section) -> Group:
    """Of the ``pipeline`` of the file ``root``, or of a job that stands alone."""
    if not pipeline["jobs"]:
        group = Group("")
        _add(book, group, str(root["name"].value or root.file.path.stem), root, _Around({}))
    else:
        outputs = {**dict(pipeline["outputs"].fields()), **dict(root["outputs"].fields())}
        group = _group(book, Group(""), pipeline, _Around(outputs))
    _unique(list(group.every()))
    return group


def bind(book: Book, group: Group, inputs: Mapping[str, Bound]) -> None:
    """Give every step its inputs; ``inputs`` are the group's."""
    scope = Scope(inputs, group.outputs())
    for step in group.steps:
        step.inputs, step.outer = _bound(book, step.job, step.component, scope, step.main), inputs
    for inner in group.groups:
        assert inner.job is not None
        bind(book, inner, _bound(book, inner.job, inner.component, scope, ""))


def label(text: str) -> str:
    """A name of ours: ``batch_prediction`` becomes ``batch-prediction``."""
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_NAME_LENGTH].strip("-")
    return made or _PIPELINE


def _group(book: Book, group: Group, pipeline: Section, around: _Around) -> Group:
    for key, section in pipeline["jobs"].fields():
        _add(book, group, key, section, around)
    return group


def _add(book: Book, group: Group, key: str, job: Section, around: _Around) -> None:
    """One job, its component read; it is left out, and told, where it cannot be one of ours."""
    component = _component(book, job)
    if component is None and "component" in job:
        return
    kind = _kind(job, component)
    if kind == _PIPELINE:
        group.members.append(_inner(book, group, key, job, component, around))
    elif kind in KINDS:
        group.members.append(_step(book, group, key, kind, job, component, around))
    else:
        job["type"].lost(
            f"no step: jobs of type {kind} have no counterpart here",
            "Write a step into pipeline.yaml that does its work: script (a program) or job (mini-batches).",
        )
        job.seen()


def _kind(job: Section, component: Section | None) -> str:
    kinds = [str(part["type"].value) for part in (component, job) if part is not None and part["type"]]
    if kinds:
        return kinds[0].removesuffix("_component")
    whole = job if component is None else component
    fields = {"jobs": _PIPELINE, "task": "parallel", "command": "command"}
    return next((kind for name, kind in fields.items() if name in whole), "unknown")


def _inner(book: Book, group: Group, key: str, job: Section, component: Section | None, around: _Around) -> Group:
    """A pipeline that is a job: its jobs become steps of the pipeline around it."""
    pipeline = job if component is None else component
    own: dict[str, Section] = dict(pipeline["outputs"].fields())
    for section in own.values():
        _say_little(section)
    for name, section in job["outputs"].fields():
        target = _exported(section, around.outputs)
        if target:
            group.exported[key, name] = target
            own[name] = around.outputs[target]
        elif section:
            own[name] = section
        else:
            section.seen()
    for section in own.values():
        _say_little(section)
    for part in (pipeline, job):
        for name in (*_ABOUT_PIPELINE, "component"):
            part[name].seen()
        if part["settings"]:
            part["settings"].approximated("dropped: those of the pipeline around it count")
    job["type"].approximated(f"its jobs as steps of the pipeline around it, their names beginning with {key}")
    return _group(book, Group(key, job, component), pipeline, _Around(own, f"{around.above}{key}-"))


def _step(
    book: Book, group: Group, key: str, kind: str, job: Section, component: Section | None, around: _Around
) -> Step:
    name = label(around.above + key)
    step = Step(key, name, kind, job, component, book, Code(f"code/{name}"))
    if kind == "parallel":
        step.appended, step.main = parallel.appended(step), parallel.input_name(step)
    declared: dict[str, list[Section]] = {}
    for section in (job, component):
        if section is not None:
            for output, child in section["outputs"].fields():
                declared.setdefault(output, []).append(child)
    for output, sections in declared.items():
        target = next(filter(None, (_exported(section, around.outputs) for section in sections)), "")
        if target:
            group.exported[key, output] = target
        step.outputs[output] = steps.output_place(book, output, sections, around.outputs.get(target))
    return step


def _exported(section: Section, whole: Mapping[str, Section]) -> str:
    """The output of the pipeline that a job's output stands for; "" for none."""
    value = section["path"].raw if section.is_mapping else section.raw
    expression = expressions.only(value) if isinstance(value, str) else ""
    name = expression.removeprefix("parent.").removeprefix("outputs.")
    if not expression.endswith(f"outputs.{name}") or name not in whole:
        return ""
    section.mapped(f"the output {name} of the pipeline")
    return name


def _say_little(section: Section) -> None:
    """Fields of an output that say nothing of where it is."""
    for name in ("type", "mode", "description"):
        section[name].seen()


def _component(book: Book, job: Section) -> Section | None:
    section = job["component"]
    if not section:
        return None
    if section.is_mapping:
        return section
    text = str(section.value).strip()
    if text.startswith("azureml:"):
        given = book.assets.get(("component", reference(text)[0]))
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


def _bound(book: Book, job: Section, component: Section | None, scope: Scope, main: str) -> dict[str, Bound]:
    given = dict(job["inputs"].fields())
    declared = {} if component is None else dict(component["inputs"].fields())
    return {
        name: bindings.of_step(book, given.get(name), declared.get(name), scope, name == main)
        for name in {**declared, **given}
    }


def _handed_on(step: Step, name: str) -> Output:
    """How later steps name an output."""
    place = step.outputs[name]
    if name == step.appended:
        file = f"$(steps.{step.name}.file)"
        return Output(file, place.type) if place.file else Output(f"$(steps.{step.name}.output)", place.type, file)
    text = f"$(steps.{step.name}.outputs.{output_name(name)})"
    return Output(f"{text}/{place.file}" if place.file else text, place.type)


def _unique(made: list[Step]) -> None:
    taken: set[str] = set()
    for step in made:
        name, number = step.name, 1
        while step.name in taken:
            number += 1
            step.name = f"{name}-{number}"
        taken.add(step.name)
        step.code.folder = f"code/{step.name}"
