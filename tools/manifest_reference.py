"""Writes docs/reference/manifest.md from the schema in crds/: every field of a manifest, its type, default and meaning.

python tools/manifest_reference.py crds/parallelrunjobs.yaml docs/reference/manifest.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HEAD = """\
# The manifest

<!-- Written by `python tools/manifest_reference.py`; do not edit. -->

Every field of `spec`. `[]` after a name: a list of these. Fields without a default may be left out unless they are
marked as required. `parallelrun validate JOB.yaml` checks a manifest and names every problem with its line;
`parallelrun schema` prints the same fields as a schema.

| field | type | default | meaning |
|---|---|---|---|
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
    if field.get("type") == "array":
        return f"list of {kind(field['items'])}"
    if field.get("type") == "object" and "additionalProperties" in field:
        return "map"
    return str(field.get("type", "any"))


def main() -> None:
    """Read the definition, write the page."""
    source, target = map(Path, sys.argv[1:3])
    document = yaml.safe_load(source.read_text())
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    target.write_text(HEAD + "\n".join(rows(schema["properties"]["spec"])) + "\n")


if __name__ == "__main__":
    main()
