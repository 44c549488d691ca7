"""What parallel and command jobs have in common: code, environment, variables, compute, outputs."""

from __future__ import annotations

import posixpath
import re

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml import compute, datastores, environments, expressions
from parallelrun.importing.azureml.book import Book, Json
from parallelrun.importing.azureml.section import Section
from parallelrun.importing.azureml.step import OutputPlace, Step, output_name

#: Fields that say something to people or to Azure's studio.
ABOUT = ("$schema", "type", "name", "version", "display_name", "description", "component")
#: Fields that mean nothing here, and why.
DROPPED = {
    "tags": "dropped: tags are the pipeline's",
    "properties": "dropped: they are for Azure's own tools",
    "services": "dropped: there is nothing to open while a step runs",
    "identity": "dropped: a step's rights are those of serviceAccountName",
    "queue_settings": "dropped: a queue is the ComputeTarget's queueName",
    "experiment_name": "dropped: the experiment is the pipeline's",
}
_GIT = re.compile(
    r"(?:git\+)?(https://(?:github\.com|[^/]*gitlab[^/]*|bitbucket\.org)/[^/]+/[^/#@]+?)(?:\.git)?(?:[@#](.+))?"
)


def common(step: Step, where: str) -> Json:
    """Fields that both kinds of step have the same."""
    for key in ABOUT:
        for section in (step.job, step.component):
            if section is not None:
                section[key].seen()
    for key, why in DROPPED.items():
        if section := step.pick(key):
            section.approximated(why)
    made: Json = {}
    section = step.pick("compute")
    if section is not None and (name := compute.of(step.book, section, step.outer_value(section))):
        made["computeTarget"] = name
    if section := step.pick("logging_level"):
        made["loggingLevel"] = _level(step, section, where)
    return made


def _level(step: Step, section: Section, where: str) -> str:
    said = str(step.value(section))
    level = said if said.startswith("$(") else said.upper()
    known = {"WARN": "WARNING", "ERROR": "WARNING", "CRITICAL": "WARNING", "NOTSET": "DEBUG"}.get(level, level)
    if known not in ("WARNING", "INFO", "DEBUG") and not known.startswith("$("):
        section.lost(f"{where}.loggingLevel: INFO", "Write WARNING, INFO or DEBUG.")
        return "INFO"
    tell = section.mapped if known == level else section.approximated
    tell(f"{where}.loggingLevel: {known}")
    return known


def environment(step: Step, section: Section | None, variables: Section | None) -> Json:
    """The field ``environment``, with the variables."""
    made = environments.of(step.book, section, step.code) if section is not None else {}
    values: dict[str, str] = {}
    found = step.children("environment_variables")
    found.update(variables.fields() if variables is not None else ())
    for name, child in found.items():
        values[name] = "" if child.value is None else step.text(child, str(child.value))
        child.mapped(f"environment.env: {name}")
    if values:
        made["env"] = environments.variables(values)
    return {"environment": made} if made else {}


def source(step: Step, section: Section | None) -> Json:
    """The field ``source``: a copy of the code, or its Git repository."""
    text = "" if section is None else str(section.value).strip()
    if section is not None and (found := _GIT.fullmatch(text)):
        step.code.is_elsewhere = True
        section.mapped(f"source.git: {found[1]}")
        return {"git": {"url": f"{found[1]}.git", **({"ref": found[2]} if found[2] else {})}}
    if section is None:
        pass
    elif text.startswith(("azureml:", "azureml://", "http://", "https://")):
        step.code.is_elsewhere = True
        section.lost(f"an empty {step.code.folder}: this code is in a workspace", f"Put it into {step.code.folder}.")
    else:
        origin = step.book.beside(section, text.removeprefix("file:"))
        if step.book.files.exists(origin):
            step.code.origin = origin
            section.mapped(f"a copy in {step.code.folder}")
            if step.book.files.exists(origin / ".amlignore"):
                section.approximated(f"all of it in {step.code.folder}: .amlignore is not heeded")
        else:
            step.code.is_elsewhere = True
            section.lost(f"an empty {step.code.folder}: {text} is not there", f"Put the code into {step.code.folder}.")
    step.book.codes.append(step.code)
    return {"directory": step.code.folder}


def line(section: Section) -> str:
    """The text of arguments or of a command; told, and "", where it is none."""
    if isinstance(section.value, str):
        return section.value
    section.lost("nothing: this is no text", "Write it as one text, as Azure ML takes it, and import again.")
    return ""


def has_file(step: Step, name: str) -> bool:
    """Whether the step's code, as far as it is known, has the file ``name``."""
    origin = step.code.origin
    if origin is None:
        return step.code.is_elsewhere
    return step.book.files.exists(origin / name) or origin.name == name


def own_outputs(step: Step) -> Json:
    """The field ``outputs``: the folders that the script writes itself."""
    made = []
    for name, place in step.outputs.items():
        if name != step.appended:
            made.append({"name": output_name(name), **({"path": place.folder} if place.folder else {})})
    return {"outputs": made} if made else {}


def output_place(book: Book, name: str, sections: list[Section], whole: Section | None) -> OutputPlace:
    """Where the output ``name`` is, by what a job and its component say of it, and the pipeline (``whole``) for it."""
    type_, path = "", None
    for section in (*([whole] if whole is not None else []), *sections):
        if section.is_mapping:
            said = str(section["type"].value or "")
            type_ = type_ or said
            for key in ("description", "optional"):
                section[key].seen()
            if section["mode"]:
                section["mode"].mapped("a folder that the step writes to, kept when it ends")
            if path is None and "path" in section and not expressions.only(str(section["path"].value)):
                path = section["path"]
            for key in ("name", "version"):
                if section[key]:
                    section[key].approximated("dropped: outputs are not registered by themselves")
        else:
            section.seen()
    type_ = type_ or "uri_folder"
    folder, file = _folder(book, path, type_) if path is not None else ("", "")
    if type_ == "uri_file" and not file:
        file = name
    return OutputPlace(type_, folder, file)


def _folder(book: Book, section: Section, type_: str) -> tuple[str, str]:
    text = str(section.value).strip().removeprefix("azureml:")
    if expressions.names(text):
        section.approximated("dropped: each run keeps its outputs in a folder of its own", "Or write a path.")
        return "", ""
    try:
        url = store_urls.canonical("path", text)
    except ManifestError:
        section.lost("a folder of the run's own: this place is in a workspace", "Write the path of another place.")
        return "", ""
    if "://" not in url and not url.startswith("/"):
        url = book.from_target(book.beside(section, url))
    if name := store_urls.datastore_of(url):
        datastores.need(book, section, name)
    section.mapped(url)
    return posixpath.split(url) if type_ == "uri_file" and not url.endswith("/") else (url, "")
