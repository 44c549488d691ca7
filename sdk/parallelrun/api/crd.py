"""The CustomResourceDefinitions, made of the models and the rules: ``python -m parallelrun.api.crd crds``.

The API server takes a subset of OpenAPI ("structural schema"): no references, no unions but int-or-string, no closed
objects (it prunes unknown fields itself, and ``kubectl`` refuses them). Null means not given, so None is left out.
The files are checked in; a test compares.
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from parallelrun.api.kinds import DEFINED, Kind
from parallelrun.api.models import GROUP, KIND, VERSION, ParallelRunJob
from parallelrun.api.models.base import Model
from parallelrun.api.models.status import ParallelRunJobStatus
from parallelrun.api.rule import ITEMS, Rule
from parallelrun.api.rules import RULES

PLURAL = "parallelrunjobs"
FILE = "parallelrunjobs.yaml"
CATEGORY = "parallelrun"  # `kubectl get parallelrun`: all that is registered
_HEAD = "# Written by `python -m parallelrun.api.crd crds`; do not edit.\n"
_KEPT = ("description", "type", "format", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength",
         "minItems", "maxItems", "maxProperties", "default", "required", "pattern",
         "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
         "x-kubernetes-list-type", "x-kubernetes-list-map-keys")  # fmt: skip

Schema = dict[str, Any]


def definitions() -> dict[str, dict[str, Any]]:
    """Every CustomResourceDefinition as plain values, by the name of its file."""
    return {FILE: definition(), **{f"{kind.plural}.yaml": definition(kind) for kind in DEFINED}}


def definition(kind: Kind | None = None) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind as plain values; None: of ParallelRunJob."""
    if kind is None:
        names = _names(KIND, PLURAL, "prj", "all")
        return _definition(names, _job_version())
    category = CATEGORY if kind.status is None else "all"
    return _definition(_names(kind.name, kind.plural, kind.short_name, category), _version(kind))


def _definition(names: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _names(kind: str, plural: str, short: str, category: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": [category],
    }


def _job_version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.nodeCount",
                "statusReplicasPath": ".status.nodes.running",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [
            _column("Phase", "string", ".status.phase"),
            _column("Progress", "string", ".status.progress"),
            _column("Failed", "integer", ".status.miniBatches.failed"),
            _column("Left", "string", ".status.timeLeft"),
            _column("Age", "date", ".metadata.creationTimestamp"),
        ],
        "schema": {"openAPIV3Schema": _root(ParallelRunJob, RULES, ParallelRunJobStatus)},
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        **({"subresources": {"status": {}}} if kind.status is not None else {}),
        "additionalPrinterColumns": [_column(*column) for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind.model, kind.rules, kind.status)},
    }


def _column(name: str, kind: str, path: str) -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path}


def _root(model: type[Model], rules: Sequence[Rule], status: type[Model] | None = None) -> Schema:
    whole = structural(model)
    properties = whole["properties"]
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string", "description": properties[name]["description"]}
    properties["metadata"] = {"type": "object"}
    if status is not None:
        properties["status"] = {**structural(status), "description": properties["status"]["description"]}
    whole["required"] = ["spec"]
    for rule in rules:
        if rule.cel is not None:
            _schema_at(whole, rule).setdefault("x-kubernetes-validations", []).append(rule.validation)
    return whole


def _schema_at(schema: Schema, rule: Rule) -> Schema:
    for part in rule.place:
        schema = schema["items"] if part == ITEMS else schema["properties"][part]
    return schema


def structural(model: type[Model]) -> Schema:
    """A model's structural schema."""
    whole = model.model_json_schema(by_alias=True)
    return _structural(whole, whole.get("$defs", {}))


def _structural(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    schema = _without_null(_resolved(schema, definitions), definitions)
    if schema.get("x-kubernetes-int-or-string"):
        schema = {key: value for key, value in schema.items() if key != "type"}
    elif "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    if "exclusiveMinimum" in schema:  # a number in JSON Schema of today, a mark beside minimum in OpenAPI 3.0
        schema = {**schema, "minimum": schema["exclusiveMinimum"], "exclusiveMinimum": True}
    made = {key: schema[key] for key in _KEPT if schema.get(key) is not None}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "properties" in schema:
        made["properties"] = {name: _structural(value, definitions) for name, value in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    elif made.get("type") == "object" and "properties" not in made:
        made["x-kubernetes-preserve-unknown-fields"] = True
    if "items" in schema:
        made["items"] = _structural(schema["items"], definitions)
    return made


def _resolved(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definitions[schema["$ref"].rpartition("/")[2]], **rest}


def _without_null(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Of a union with null, the rest; int-or-string is the only other union there is."""
    members = [_resolved(member, definitions) for member in schema.get("anyOf", ()) if member != {"type": "null"}]
    if len(members) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return _without_null({**members[0], **rest}, definitions)


def texts() -> dict[str, str]:
    """Each file's content, by its name."""
    return {name: text(made) for name, made in definitions().items()}


def text(made: dict[str, Any] | None = None) -> str:
    """The file of a definition; None: of ParallelRunJob's."""
    body = yaml.safe_dump(made or definition(), sort_keys=False, width=120, allow_unicode=True)
    return _HEAD + body


def json_schema(model: type[Model] = ParallelRunJob) -> dict[str, Any]:
    """The JSON schema of manifests, for editors; rules between fields are not in it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}


def write(folder: pathlib.Path) -> list[pathlib.Path]:
    """Write the files into ``folder``."""
    for name, content in texts().items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in texts()]


if __name__ == "__main__":
    print(*write(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "crds")), sep="\n")
