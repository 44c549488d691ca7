"""The CustomResourceDefinition, made of the models and the rules: ``python -m parallelrun.api.crd crds``.

The API server takes a subset of OpenAPI ("structural schema"): no references, no unions but int-or-string, no closed
objects (it prunes unknown fields itself, and ``kubectl`` refuses them). Null means not given, so None is left out.
The file is checked in; a test compares.
"""

import pathlib
import sys
from typing import Any

import yaml

from parallelrun.api.models import GROUP, KIND, VERSION, ParallelRunJob
from parallelrun.api.models.base import Model
from parallelrun.api.models.status import ParallelRunJobStatus
from parallelrun.api.rule import ITEMS, Rule
from parallelrun.api.rules import RULES

PLURAL = "parallelrunjobs"
FILE = "parallelrunjobs.yaml"
_HEAD = "# Written by `python -m parallelrun.api.crd crds`; do not edit.\n"
_KEPT = ("description", "type", "format", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems",
         "maxItems", "maxProperties", "default", "required", "pattern",
         "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys")  # fmt: skip

Schema = dict[str, Any]


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition as plain values."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["prj"],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
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
        "schema": {"openAPIV3Schema": _root()},
    }


def _column(name: str, kind: str, path: str) -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path}


def _root() -> Schema:
    job = structural(ParallelRunJob)
    properties = job["properties"]
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string", "description": properties[name]["description"]}
    properties["metadata"] = {"type": "object"}
    properties["status"] = {**structural(ParallelRunJobStatus), "description": properties["status"]["description"]}
    job["required"] = ["spec"]
    for rule in RULES:
        if rule.cel is not None:
            _schema_at(job, rule).setdefault("x-kubernetes-validations", []).append(rule.validation)
    return job


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


def text() -> str:
    """The file's content."""
    body = yaml.safe_dump(definition(), sort_keys=False, width=120, allow_unicode=True)
    return _HEAD + body


def json_schema() -> dict[str, Any]:
    """The manifest's JSON schema, for editors; rules between fields are not in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ParallelRunJob.model_json_schema(by_alias=True),
    }


def write(folder: pathlib.Path) -> pathlib.Path:
    """Write the file into ``folder``."""
    path = folder / FILE
    path.write_text(text(), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(write(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "crds")))
