"""The script's folder, the script, its arguments and environment."""

import re
from collections.abc import Iterator
from typing import Any

from parallelrun.api.problems import Path
from parallelrun.api.reference import REFERENCE
from parallelrun.api.rule import ITEMS, Rule, fields_that

SOURCES = ("configMap", "claim", "git", "imagePath", "directory")
_VALUE_SOURCES = ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef")
_ENVIRONMENT = ("spec", "environment")
_OUTSIDE = re.compile(r"^/|(^|/)\.\.(/|$)")
_REFERABLE = ("inputs", "sideInputs", "models", "outputs")


def given(value: Any, names: tuple[str, ...]) -> int:
    """How many of the fields ``names`` are there."""
    return sum(name in value for name in names)


def has_list(names: tuple[str, ...]) -> str:
    """CEL: a list of whether each of ``names`` is there."""
    return "[" + ", ".join(f"has(self.{name})" for name in names) + "]"


def exactly_one(name: str, place: tuple[str, ...], names: tuple[str, ...], example: str) -> Rule:
    """The rule that exactly one of the fields ``names`` is given."""
    return Rule(
        name=name,
        place=place,
        reads=names,
        message=f"exactly one of {', '.join(names[:-1])} and {names[-1]} must be given",
        example=example,
        cel=f"{has_list(names)}.exists_one(given, given)",
        broken=lambda value: [] if given(value, names) == 1 else [()],
    )


def inside(name: str, place: tuple[str, ...], field: str, example: str) -> Rule:
    """The rule that ``field`` is a path below the folder that it starts at."""
    return Rule(
        name=name,
        place=place,
        reads=(field,),
        message=f"{field} must be a relative path without '..'",
        example=f"{field}: {example}",
        cel=f"!has(self.{field}) || !self.{field}.matches('^/|(^|/)[.][.](/|$)')",
        broken=fields_that(lambda value: not _OUTSIDE.search(value.get(field, "")), field),
    )


def directory(name: str, place: tuple[str, ...]) -> Rule:
    """The rule that a source in a cluster is no folder of somebody's machine."""
    return Rule(
        name=name,
        place=place,
        reads=("directory",),
        message="directory is a folder on your machine, which a cluster cannot read: it is for `parallelrun run` and "
        "`parallelrun submit`, which packs it into a ConfigMap",
        example="configMap: {name: mnist-code}",
        cel="!has(self.directory)",
        only="the commands that read it accept it",
    )


_IMAGE_PATH = Rule(
    name="image-path",
    place=("spec", "source"),
    reads=("imagePath",),
    message="imagePath must be an absolute path in the image",
    example="imagePath: /app",
    cel="!has(self.imagePath) || self.imagePath.startsWith('/')",
    broken=fields_that(lambda source: source.get("imagePath", "/").startswith("/"), "imagePath"),
)

_PACKAGES = Rule(
    name="one-package-list",
    place=_ENVIRONMENT,
    reads=("pip", "requirements", "conda"),
    message="at most one of pip, requirements and conda can be given",
    example="pip: ['pillow==11.*']",
    cel="[has(self.pip) && size(self.pip) > 0, has(self.requirements), has(self.conda)]"
    ".filter(given, given).size() <= 1",
    broken=fields_that(
        lambda env: bool(env.get("pip")) + given(env, ("requirements", "conda")) <= 1, "conda", "requirements"
    ),
)

_ENV_VALUE = Rule(
    name="env-value",
    place=(*_ENVIRONMENT, "env", ITEMS),
    reads=("value", "valueFrom"),
    message="value and valueFrom cannot both be given",
    example="value: '1'",
    cel="!(has(self.value) && has(self.valueFrom))",
    broken=fields_that(lambda variable: given(variable, ("value", "valueFrom")) < 2, "valueFrom"),
)


def _unknown_references(spec: Any) -> Iterator[Path]:
    known = {f"{kind}.{item['name']}" for kind in _REFERABLE for item in spec.get(kind, ())} | {"job.name"}
    arguments = spec["arguments"] if isinstance(spec["arguments"], list) else []
    for index, text in enumerate(arguments):
        references = REFERENCE.findall(text) if isinstance(text, str) else []
        if any(not escaped and name not in known for escaped, name in references):
            yield ("arguments", index)


_REFERENCES = Rule(
    name="argument-references",
    place=("spec",),
    reads=_REFERABLE,  # an argument that is no text hides no other
    message="$(...) must name something that this manifest declares: $(inputs.x), $(sideInputs.x), $(models.x), "
    "$(outputs.x) or $(job.name); write $$(x) where the text $(x) itself is meant",
    example='arguments: ["--name", "$(job.name)"]',
    broken=_unknown_references,
    only="CEL would have to search every argument for every name, beyond the API server's cost limit",
)

RULES = (
    exactly_one("one-source", ("spec", "source"), SOURCES, "configMap: {name: mnist-code}"),
    directory("source-directory", ("spec", "source")),
    _IMAGE_PATH,
    inside("claim-path", ("spec", "source", "claim"), "path", "mnist/code"),
    inside("git-path", ("spec", "source", "git"), "path", "scoring"),
    inside("entry-script", ("spec",), "entryScript", "digit_identification.py"),
    _REFERENCES,
    _PACKAGES,
    inside("requirements", _ENVIRONMENT, "requirements", "requirements.txt"),
    inside("conda", _ENVIRONMENT, "conda", "conda.yml"),
    _ENV_VALUE,
    exactly_one(
        "env-value-source",
        (*_ENVIRONMENT, "env", ITEMS, "valueFrom"),
        _VALUE_SOURCES,
        "secretKeyRef: {name: login, key: token}",
    ),
    exactly_one(
        "env-from", (*_ENVIRONMENT, "envFrom", ITEMS), ("configMapRef", "secretRef"), "configMapRef: {name: endpoints}"
    ),
)
