"""What the inputs of the pipeline and of its steps stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from parallelrun.importing.azureml import expressions, places
from parallelrun.importing.azureml.book import Book, reference
from parallelrun.importing.azureml.expressions import Meaning
from parallelrun.importing.azureml.section import Section

DATA = ("uri_file", "uri_folder", "mltable")
MODELS = ("mlflow_model", "custom_model", "triton_model")
#: A boolean is text here, as scripts get "True" there, and not "true".
_TYPES = {"integer": "integer", "number": "number", "boolean": "string", "string": "string"}
_ABOUT_LITERALS = ("description", "optional", "min", "max", "enum")


@dataclass(frozen=True)
class Bound:
    """What one input stands for."""

    kind: Literal["literal", "data", "none"]  # none: it has no value
    type: str = ""  # as in the file: uri_folder, string, ...
    text: str = ""  # a literal's text; a path or URL
    is_reference: bool = False  # ``text`` holds references of ours
    value: Any = None  # a literal that is constant, or the default of the parameter that ``text`` names
    mode: str = ""
    only_file: str = ""  # what of a folder is to be split, where not all of it is data
    registered: str = ""  # instead of a path: the name of something registered, or a reference to a parameter

    @property
    def meaning(self) -> Meaning:
        """In a text."""
        return Meaning(self.text, self.is_reference)

    @property
    def typed(self) -> Any:
        """As the value of a field: a constant with its type, or the reference."""
        return self.text if self.is_reference else self.value


NOTHING = Bound("none")


@dataclass(frozen=True)
class Output:
    """What a step hands on."""

    text: str  # the reference that later steps use
    type: str
    only_file: str = ""  # of a folder that results are appended in: the reference to the file, beside which ours lie


@dataclass
class Scope:
    """What expressions in bindings of steps can name."""

    inputs: Mapping[str, Bound]  # the pipeline's
    outputs: Mapping[tuple[str, str], Output]  # by step and name, as in the file


def literal_text(value: Any) -> str:
    """A constant as a script gets it: ``true`` is Python's True there."""
    return str(value)


def is_data(type_: str) -> bool:
    """Whether inputs of this type are files."""
    return type_ in DATA or type_ in MODELS


def of_pipeline(book: Book, name: str, section: Section, is_main: bool) -> tuple[Bound, dict[str, Any] | None]:
    """An input of the pipeline: what it stands for, and the parameter that it becomes.

    ``is_main``: steps split it into mini-batches and do nothing else with it.
    """
    if not section.is_mapping:
        value = section.value
        if isinstance(value, str) and (is_main or value.startswith("azureml:")):
            return _data(book, name, section, "uri_folder", "", is_main)
        return _literal(name, section, value, "")
    type_ = str(section["type"].value or ("uri_folder" if "path" in section else ""))
    mode = _mode(section)
    for key in _ABOUT_LITERALS:
        _tell_about(section[key])
    if is_data(type_):
        if "path" in section:
            return _data(book, name, section["path"], type_, mode, is_main)
        section.mapped(f"parameter {name}, without a default")
        return _reference(name, type_, mode), {"name": name, "type": "string"}
    given = next((section[key] for key in ("default", "value", "path") if key in section), None)
    if given is None:
        section.mapped(f"parameter {name}, without a default")
        return _reference(name, type_, ""), {"name": name, "type": _TYPES.get(type_, "string")}
    return _literal(name, given, given.value, type_)


def _literal(name: str, section: Section, value: Any, type_: str) -> tuple[Bound, dict[str, Any]]:
    known = {int: "integer", float: "number"}
    made = _TYPES.get(type_) or known.get(type(value), "string")
    section.mapped(f"parameter {name}: {value}")
    default = literal_text(value) if made == "string" else value
    bound = replace(_reference(name, type_ or made, ""), value=value)
    return bound, {"name": name, "type": made, "default": default}


def _reference(name: str, type_: str, mode: str) -> Bound:
    kind: Literal["data", "literal"] = "data" if is_data(type_) else "literal"
    return Bound(kind, type_, f"$(params.{name})", True, mode=mode)


def _data(
    book: Book, name: str, path: Section, type_: str, mode: str, is_main: bool
) -> tuple[Bound, dict[str, Any] | None]:
    place = places.of(book, path, type_)
    type_ = place.type or type_
    if place.registered and type_ in MODELS:
        if not place.path:
            _model_to_register(path, place.registered, type_)
        return Bound("data", type_, mode=mode, registered=place.registered), None
    if place.registered and is_main:
        if not place.path:
            _dataset_to_register(path, place.registered, type_)
        parameter = {"name": name, "type": "dataset", "default": place.registered}
        return replace(_reference(name, type_, mode), text="", registered=f"$(params.{name})"), parameter
    if place.registered and not place.path:
        path.lost(
            f"parameter {name}, without a default: only the workspace knows where {place.registered} is",
            f"Give its path or URL with each run, --param {name}=PATH, or as the parameter's default in pipeline.yaml.",
        )
    default = {"default": place.path} if place.path else {}
    return _reference(name, type_, mode), {"name": name, "type": "string", **default}


def of_step(book: Book, given: Section | None, declared: Section | None, scope: Scope, is_main: bool) -> Bound:
    """An input of a step: ``given`` by the job, ``declared`` by its component; each may be missing."""
    type_, mode = "", ""
    default: Section | None = None
    if declared is not None and declared.is_mapping:
        type_, mode = str(declared["type"].value or ""), _mode(declared)
        for key in _ABOUT_LITERALS:
            _tell_about(declared[key])
        default = declared["default"]
    if given is None or not given:
        if not default:
            return NOTHING
        default.mapped(f"{literal_text(default.value)}, in the arguments")
        return Bound("literal", type_ or "string", literal_text(default.value), value=default.value)
    if default is not None:
        default.seen()
    value_of = given
    if given.is_mapping:
        type_ = str(given["type"].value or "") or type_
        mode = _mode(given) or mode
        for key in _ABOUT_LITERALS:
            _tell_about(given[key])
        value_of = next((given[key] for key in ("path", "value", "default") if key in given), given["path"])
        if not value_of:
            return NOTHING
    bound = _value(book, value_of, type_, scope, is_main)
    return replace(bound, type=type_ or bound.type, mode=mode or bound.mode)


def _value(book: Book, section: Section, type_: str, scope: Scope, is_main: bool) -> Bound:
    value = section.value
    text = value if isinstance(value, str) else ""
    if expression := expressions.only(text):
        return _expression(section, expression, scope)
    if expressions.names(text) and (is_data(type_) or section.path[-1] == "path"):
        whole = expressions.replaced(text, lambda name: _expression(section, name, scope).meaning)
        place = places.of(book, section, type_, whole)
        return Bound("data", type_ or "uri_folder", place.path, True)
    if text and (is_data(type_) or is_main or (not type_ and text.startswith("azureml:"))):
        return _inline_data(book, section, type_ or "uri_folder", is_main)
    if expressions.names(text):
        whole = expressions.replaced(text, lambda name: _expression(section, name, scope).meaning)
        return Bound("literal", "string", whole, True)
    section.mapped(f"{literal_text(value)}, in the arguments")
    return Bound("literal", type_ or "string", literal_text(value), value=value)


def _inline_data(book: Book, section: Section, type_: str, is_main: bool) -> Bound:
    place = places.of(book, section, type_)
    type_ = place.type or type_
    if place.registered and (type_ in MODELS or is_main):
        if not place.path:
            tell = _model_to_register if type_ in MODELS else _dataset_to_register
            tell(section, place.registered, type_)
        return Bound("data", type_, registered=place.registered)
    own = next(str(part) for part in reversed(section.path) if part not in ("path", "default", "value"))
    path = place.path or f"data/{own}"  # stands for what could not be mapped, and is told
    if place.registered and not place.path:
        section.lost(
            f"the path {path}: only the workspace knows where {place.registered} is",
            f"Put its files there, beside pipeline.yaml, or write their path or URL instead of {path}.",
        )
    return Bound("data", type_, path, value=path)


def _expression(section: Section, expression: str, scope: Scope) -> Bound:
    parts = expression.removeprefix("parent.").split(".")
    if len(parts) in (2, 3) and parts[0] == "inputs" and parts[1] in scope.inputs:
        bound = scope.inputs[parts[1]]
        section.mapped(bound.registered or bound.text or "no value, as the pipeline has none for it")
        return bound
    if len(parts) == 4 and parts[0] == "jobs" and (parts[1], parts[3]) in scope.outputs and parts[2] == "outputs":
        output = scope.outputs[parts[1], parts[3]]
        if output.only_file:
            section.approximated(
                f"{output.text}; where it is split, {output.only_file}",
                "The folder has _SUCCESS and _OWNER in it, too: a program that reads all of it should leave them out.",
            )
        else:
            section.mapped(output.text)
        return Bound("data", output.type, output.text, True, only_file=output.only_file)
    section.lost(
        f"nothing: {expression} names no input of the pipeline and no output of a step that was imported",
        "Write the value, or $(params.NAME), $(steps.STEP.outputs.NAME), into pipeline.yaml.",
    )
    return NOTHING


def _dataset_to_register(section: Section, registered: str, type_: str) -> None:
    """Say that a Dataset has to be registered."""
    name, version = reference(registered)
    option = {"mltable": " --type MLTable"}.get(type_, "")
    option += f" --version {version}" if version else ""
    section.lost(
        f"the Dataset {registered}, which is not registered: only the workspace knows what is in it",
        f"parallelrun register dataset {name} PATH...{option} --to . in the folder with pipeline.yaml; or give the "
        "asset's own YAML file to the import: --with FILE.",
    )


def _model_to_register(section: Section, registered: str, _: str) -> None:
    name, version = reference(registered)
    option = f" --version {version}" if version else ""
    section.lost(
        f"the Model {registered}, which is not registered: only the workspace knows where it is",
        f"Download it, then: parallelrun register model {name} PATH{option} --to . in the folder with pipeline.yaml.",
    )


def _mode(section: Section) -> str:
    mode = section["mode"]
    if mode:
        mode.mapped("the mode of an input that is split; any other is there whole, on every node")
    return str(mode.value or "")


def _tell_about(section: Section) -> None:
    """A field that says something of a value, and changes none."""
    if not section:
        return
    if section.path[-1] in ("description", "optional"):
        section.seen()
    else:
        section.approximated("dropped: values of parameters are checked by their type only")
