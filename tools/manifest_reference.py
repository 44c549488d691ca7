"""Writes manifest.md, registered.md and pipelines.md of docs/reference from the schemas in crds/: every field, its
type, default and meaning.

python tools/manifest_reference.py crds docs/reference
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

JOB = "parallelrunjobs"
ORDER = ("datastores", "datasets", "models", "environments", "computetargets")
OF_PIPELINES = ("parallelrunpipelines", "parallelrunpipelineruns")
TABLE = """\
| field | type | default | meaning |
|---|---|---|---|
"""
HEAD = f"""\
# The manifest

<!-- Written by `python tools/manifest_reference.py`; do not edit. -->

Every field of `spec`. `[]` after a name: a list of these. Fields without a default may be left out unless they are
marked as required. `parallelrun validate JOB.yaml` checks a manifest and names every problem with its line;
`parallelrun schema` prints the same fields as a schema. Kinds that a manifest refers to by a registered name have
[a page of their own](registered.md).

{TABLE}"""
REGISTERED = """\
# What is registered by name

<!-- Written by `python tools/manifest_reference.py`; do not edit. -->

The kinds that jobs refer to by name: see [how to register](../how-to/register.md). All have `apiVersion:
parallelrun.dev/v1alpha1`, a `kind`, `metadata` and a `spec` with these fields. `[]` after a name: a list of these.
Fields without a default may be left out unless they are marked as required. `parallelrun schema KIND` prints the same
fields as a schema, and `kubectl explain KIND.spec` explains them.
"""

PIPELINES = """\
# Pipelines

<!-- Written by `python tools/manifest_reference.py`; do not edit. -->

The kinds that run several jobs and programs in order: see [how to](../how-to/pipelines.md). Both have `apiVersion:
parallelrun.dev/v1alpha1`, a `kind`, `metadata` and a `spec` with these fields. `[]` after a name: a list of these.
Fields without a default may be left out unless they are marked as required.
"""


def rows(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A line of the table for each field, fields of objects and of lists below their own."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        if name in schema.get("required", []):
            default = "*required*"
        meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
        yield f"| `{path}` | {kind(field)} | {default} | {meaning} |"
        inner = field.get("items", field)
        yield from rows(inner, f"{path}[]." if "items" in field else f"{path}.")


def kind(field: dict[str, Any]) -> str:
    """What a field holds, in a word or by its possible values."""
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"] if value is not None)
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field.get("x-kubernetes-preserve-unknown-fields") and "type" not in field:
        return "string, number or boolean"
    if field.get("type") == "array":
        return f"list of {kind(field['items'])}"
    if field.get("type") == "object" and "additionalProperties" in field:
        return "map"
    return str(field.get("type", "any"))


def main() -> None:
    """Read the definitions, write the pages."""
    source, target = map(Path, sys.argv[1:3])
    (target / "manifest.md").write_text(HEAD + "\n".join(rows(spec(source / f"{JOB}.yaml"))) + "\n")
    sections = [section(source / f"{kind}.yaml") for kind in ORDER]
    (target / "registered.md").write_text("\n".join([REGISTERED, *sections]))
    sections = [section(source / f"{kind}.yaml") for kind in OF_PIPELINES]
    (target / "pipelines.md").write_text("\n".join([PIPELINES, *sections]))


def spec(path: Path) -> dict[str, Any]:
    """The schema of ``spec`` in the definition at ``path``."""
    document = yaml.safe_load(path.read_text())
    schema: dict[str, Any] = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def section(path: Path) -> str:
    """What registered.md says of one kind."""
    document = yaml.safe_load(path.read_text())
    whole = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    names = document["spec"]["names"]
    about = f"{whole['description']} {whole['properties']['spec']['description']}"
    return f"## {names['kind']}\n\n{about}\n\n{TABLE}" + "\n".join(rows(whole["properties"]["spec"])) + "\n"


if __name__ == "__main__":
    main()
