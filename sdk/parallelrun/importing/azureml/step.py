"""One job of the pipeline while it is translated: its own fields over those of its component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parallelrun.importing.azureml import expressions
from parallelrun.importing.azureml.bindings import MODELS, NOTHING, Bound
from parallelrun.importing.azureml.book import Book, Code, Json
from parallelrun.importing.azureml.expressions import Meaning
from parallelrun.importing.azureml.section import Section


@dataclass(frozen=True)
class OutputPlace:
    """Where an output of a step is."""

    type: str
    folder: str = ""  # a path or URL that the file demands; "": one of the run's own
    file: str = ""  # in the folder, for one that is a single file


@dataclass
class Step:
    """One job of the pipeline."""

    key: str  # in the file
    name: str  # ours
    kind: str  # parallel or command
    job: Section
    component: Section | None
    book: Book
    code: Code
    outputs: dict[str, OutputPlace] = field(default_factory=dict)
    appended: str = ""  # the output that append_row_to names
    main: str = ""  # the input that is split into mini-batches
    inputs: Mapping[str, Bound] = field(default_factory=dict)
    outer: Mapping[str, Bound] = field(default_factory=dict)  # inputs of the pipeline around it

    def pick(self, *keys: str) -> Section | None:
        """A field, of the job or else of its component; None where neither has it."""
        found = None
        for section in (self.job, self.component):
            for key in keys:
                section = None if section is None else section[key]
            if section is not None and section:
                if found is None:
                    found = section
                elif not section.is_mapping:
                    section.seen()  # the job's counts
        return found

    def children(self, key: str) -> dict[str, Section]:
        """The fields of a mapping, the job's over the component's."""
        found: dict[str, Section] = {}
        for section in (self.component, self.job):
            if section is not None:
                for name, child in section[key].fields():
                    if name in found:
                        found[name].seen()
                    found[name] = child
        return found

    def value(self, section: Section) -> Any:
        """The value of a field; where it is an expression, what that stands for."""
        value = section.value
        if not isinstance(value, str) or not expressions.names(value):
            return value
        if (name := expressions.only(value)) and self._input(name).kind == "literal":
            return self._input(name).typed
        return self.text(section, value)

    def text(self, section: Section, text: str) -> str:
        """``text`` of ``section`` in our notation. What its expressions mean but cannot here is told."""
        return expressions.replaced(self.required(text), lambda name: self._meaning(section, name))

    def required(self, text: str) -> str:
        """``text`` without those of its optional parts whose inputs have no value."""
        return expressions.required(text, lambda name: self._input(name) is not NOTHING or name.startswith("outputs."))

    def number(self, section: Section, read: Callable[[Any], Any] = int) -> Any:
        """The value of a field that is a number, or a reference to one; None, and told, where it is neither."""
        value = self.value(section)
        if isinstance(value, str) and value.startswith("$("):
            return value
        try:
            return read(value)
        except (TypeError, ValueError):
            section.lost("the default: this is no number", "Write the number into pipeline.yaml.")
            return None

    def outer_value(self, section: Section) -> str:
        """The text of a field that may name a constant input of the pipeline, such as ``compute``."""
        value = str(section.value)
        name = expressions.only(value).removeprefix("parent.").removeprefix("inputs.")
        bound = self.outer.get(name, NOTHING) if name else NOTHING
        return str(bound.value) if bound.value is not None else value

    def _input(self, expression: str) -> Bound:
        kind, _, name = expression.partition(".")
        return self.inputs.get(name.removesuffix(".path"), NOTHING) if kind == "inputs" else NOTHING

    def _meaning(self, section: Section, expression: str) -> Meaning:
        kind, _, name = expression.partition(".")
        if kind == "outputs" and name == self.appended and name:
            section.lost(
                f'"", for ${{{{{expression}}}}}: what run returns is appended there when the job ends',
                "Give the script an output of its own for what it writes itself.",
            )
            return Meaning("")
        if kind == "outputs" and name in self.outputs:
            place = self.outputs[name]
            return Meaning(f"$(outputs.{output_name(name)})" + (f"/{place.file}" if place.file else ""), True)
        bound = self._input(expression)
        if bound.kind == "literal":
            return bound.meaning
        if bound.kind == "data":
            return Meaning(self.place_of(name.removesuffix(".path"), bound), True)
        if expression == "name":
            section.approximated(f"$(job.name), for ${{{{{expression}}}}}", "It is the name of the step's job here.")
            return Meaning("$(job.name)", True)
        section.lost(
            f'"", for ${{{{{expression}}}}}: it names no input with a value and no output of this step',
            "Write the value into the step in pipeline.yaml.",
        )
        return Meaning("")

    def place_of(self, name: str, bound: Bound) -> str:
        """The reference to an input with data, as arguments have it."""
        if name == self.main:
            return f"$(inputs.{name})"
        if bound.type in MODELS:
            return f"$(models.{model_name(name, bound)})"
        return f"$(sideInputs.{name})"

    def places(self) -> Json:
        """The fields sideInputs and models: every input with data that is not split."""
        sides: list[Json] = []
        models: list[Json] = []
        for name, bound in self.inputs.items():
            if bound.kind != "data" or name == self.main:
                continue
            if bound.type not in MODELS:
                sides.append({"name": name, "path": bound.text})
            elif bound.registered:
                version = bound.registered.partition(":")[2]
                model = {"name": model_name(name, bound), **({"version": version} if version else {})}
                models += [model] if model not in models else []
            else:
                models.append({"name": name, "path": bound.text})
        return {**({"sideInputs": sides} if sides else {}), **({"models": models} if models else {})}


def output_name(name: str) -> str:
    """Ours for an output: ``output`` and ``file`` mean what a job's results are appended to."""
    return f"{name}_folder" if name in ("output", "file") else name


def model_name(name: str, bound: Bound) -> str:
    """The name of a model in ``models``: that which it is registered by, where it is."""
    return bound.registered.partition(":")[0] or name
