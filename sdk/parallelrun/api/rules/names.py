"""Names: what Kubernetes demands of objects' names, what ``$(...)`` can refer to, and that none is given twice."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from parallelrun.api.problems import Path
from parallelrun.api.rule import ITEMS, Rule, fields_that

LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
REFERABLE = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
VERSION = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"
REFERENCE = "^[A-Za-z0-9_][A-Za-z0-9_.-]*([:@][A-Za-z0-9][A-Za-z0-9_.-]*)?$"
SHA256 = "^[0-9a-f]{64}$"
_REFERABLE_WORDS = "made of letters, digits, '_', '-' and '.', beginning with a letter, digit or '_'"
VARIABLE = "^[A-Za-z_.-][A-Za-z0-9_.-]*$"

_SPEC = ("spec",)
_ENVIRONMENT = ("spec", "environment")
_OBJECTS = (  # place, field, what it is called in rules, an example
    (("spec", "source", "configMap"), "name", "config-map", "mnist-code"),
    (("spec", "source", "claim"), "name", "source-claim", "code"),
    ((*_ENVIRONMENT, "imagePullSecrets", ITEMS), "name", "pull-secret", "registry-login"),
    ((*_ENVIRONMENT, "envFrom", ITEMS, "configMapRef"), "name", "env-config-map", "endpoints"),
    ((*_ENVIRONMENT, "envFrom", ITEMS, "secretRef"), "name", "env-secret", "login"),
    ((*_ENVIRONMENT, "env", ITEMS, "valueFrom", "configMapKeyRef"), "name", "key-config-map", "endpoints"),
    ((*_ENVIRONMENT, "env", ITEMS, "valueFrom", "secretKeyRef"), "name", "key-secret", "login"),
    (("spec", "volume"), "claimName", "volume-claim", "parallelrun"),
    (("spec", "rerunOf"), "name", "rerun-of", "mnist-1"),
    (_SPEC, "priorityClassName", "priority-class", "low"),
    (_SPEC, "serviceAccountName", "service-account", "scoring"),
)
_LISTS = (
    ("inputs", "images", "{name: images, type: File, paths: [images/]}, {name: more, type: File, paths: [more/]}"),
    ("sideInputs", "labels", "{name: labels, path: labels.txt}, {name: codes, path: codes.txt}"),
    ("models", "mnist", "{name: mnist, path: mnist/}, {name: fashion, path: fashion/}"),
    ("outputs", "trained", "{name: trained, path: trained/}, {name: plots, path: plots/}"),
)


def matches(pattern: str, field: str, empty: bool = False) -> Callable[[Any], Iterable[Path]]:
    """A predicate: ``field``, where it is given, has to match ``pattern`` as a whole; may be "" where ``empty``."""
    regex = re.compile(pattern)

    def holds(value: Any) -> bool:
        text = value.get(field)
        return text is None or (empty and text == "") or (regex.match(text) is not None and not text.endswith("\n"))

    return fields_that(holds, field)


def object_name(place: tuple[str, ...], field: str, name: str, example: str) -> Rule:
    """The rule that ``field`` names an object of Kubernetes."""
    return Rule(
        name=f"{name}-name",
        place=place,
        reads=(field,),
        message=f"{field} must be a Kubernetes name: lower-case letters, digits, '-' and '.', beginning and ending "
        "with a letter or digit",
        example=f"{field}: {example}",
        cel=f"!has(self.{field}) || self.{field} == '' || self.{field}.matches('{SUBDOMAIN}')",
        broken=matches(SUBDOMAIN, field, empty=True),
    )


def _like(name: str, place: tuple[str, ...], field: str, pattern: str, message: str, example: str) -> Rule:
    """The rule that ``field``, where it is given, matches ``pattern``; message and example begin with its name."""
    return Rule(
        name=name,
        place=place,
        reads=(field,),
        message=f"{field} must be {message}",
        example=f"{field}: {example}",
        cel=f"!has(self.{field}) || self.{field}.matches('{pattern}')",
        broken=matches(pattern, field),
    )


def _referable(field: str, example: str) -> Rule:
    return Rule(
        name=f"{field}-names",
        place=("spec", field, ITEMS),
        reads=("name",),
        message=f"name must be {_REFERABLE_WORDS}",
        example=f"name: {example}",
        cel=f"self.name.matches('{REFERABLE}')",
        broken=matches(REFERABLE, "name"),
    )


def registered_name(name: str, place: tuple[str, ...], field: str, example: str) -> Rule:
    """The rule on a name that something is registered by, or that refers to it."""
    return _like(name, place, field, REFERABLE, _REFERABLE_WORDS, example)


def version(name: str, place: tuple[str, ...]) -> Rule:
    """The rule on the field version."""
    words = "made of letters, digits, '.', '_' and '-', beginning with a letter or digit"
    return _like(name, place, "version", VERSION, words, "'2'")


def sha256(name: str, place: tuple[str, ...]) -> Rule:
    """The rule on the field sha256."""
    return _like(name, place, "sha256", SHA256, "64 hexadecimal digits, in lower case", f"'{'0' * 64}'")


def _reference(name: str, place: tuple[str, ...], field: str, example: str) -> Rule:
    words = "a registered name, name:version or name@latest (no azureml: before it): letters, digits, '_', '-', '.'"
    return _like(name, place, field, REFERENCE, words, example)


def repeated(field: str, key: Callable[[Any], Any] = lambda item: item["name"], *tail: str) -> Any:
    """A predicate that blames every element of ``field`` whose key came before."""

    def broken(value: Any) -> Iterator[Path]:
        seen: set[Any] = set()
        for index, item in enumerate(value.get(field, ())):
            if key(item) in seen:
                yield (field, index, *tail)
            seen.add(key(item))

    return broken


def _unique(field: str, example: str) -> Rule:
    return Rule(
        name=f"{field}-unique",
        place=_SPEC,
        reads=(field,),
        message=f"each name in {field} can be given only once",
        example=f"{field}: [{example}]",
        cel=f"!has(self.{field}) || self.{field}.all(a, self.{field}.exists_one(b, b.name == a.name))",
        broken=repeated(field, lambda item: item["name"], "name"),
    )


_JOB_NAME = Rule(
    name="job-name",
    place=(),
    reads=("metadata",),
    message="metadata.name must be made of at most 63 lower-case letters, digits and '-', beginning and ending with a "
    "letter or digit: names of pods and labels are made of it",
    example="metadata: {name: mnist}",
    cel="size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')",  # the rest the API server demands anyway
    broken=lambda job: [] if _is_job_name(job["metadata"]["name"]) else [("metadata", "name")],
)


def _is_job_name(name: str) -> bool:
    return len(name) <= 63 and re.fullmatch(LABEL.strip("^$"), name) is not None


_NAMESPACE = Rule(
    name="namespace",
    place=("metadata",),
    reads=("namespace",),
    message="namespace must be made of lower-case letters, digits and '-'",
    example="namespace: scoring",
    broken=matches(LABEL, "namespace"),
    only="the API server checks namespaces itself",
)

_VARIABLE = Rule(
    name="variable-name",
    place=(*_ENVIRONMENT, "env", ITEMS),
    reads=("name",),
    message="name must be made of letters, digits, '_', '-' and '.', not beginning with a digit",
    example="name: OMP_NUM_THREADS",
    cel=f"self.name.matches('{VARIABLE}')",
    broken=matches(VARIABLE, "name"),
)

_EARLIER = Rule(
    name="reuse-of-names",
    place=_SPEC,
    reads=("reuseOf",),
    message="each of reuseOf must be a Kubernetes name, given once: lower-case letters, digits, '-' and '.', beginning "
    "and ending with a letter or digit",
    example="reuseOf: [mnist-2, mnist-1]",
    cel=f"!has(self.reuseOf) || self.reuseOf.all(a, a.matches('{SUBDOMAIN}') && self.reuseOf.exists_one(b, b == a))",
    broken=lambda spec: _bad_names(spec["reuseOf"]),
)


def _bad_names(names: list[str]) -> Iterator[Path]:
    for index, name in enumerate(names):
        if re.fullmatch(SUBDOMAIN.strip("^$"), name) is None or name in names[:index]:
            yield ("reuseOf", index)


RULES = (
    _JOB_NAME,
    _EARLIER,
    _NAMESPACE,
    _VARIABLE,
    registered_name("compute-target-name", _SPEC, "computeTarget", "gpu-pool"),
    _reference("environment-reference", _ENVIRONMENT, "name", "scoring"),
    version("model-version", ("spec", "models", ITEMS)),
    sha256("model-sha256", ("spec", "models", ITEMS)),
    *(object_name(*item) for item in _OBJECTS),
    *(_referable(field, example) for field, example, _ in _LISTS),
    *(_unique(field, example) for field, _, example in _LISTS),
)
