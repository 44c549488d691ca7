"""Writes what the Helm chart takes from elsewhere, so that nothing is said twice.

- values.schema.json and the table in README.md, from values.yaml and the comments in it
- templates/crd-*.yaml, from crds/
- the versions in Chart.yaml, from pyproject.toml

python tools/chart_readme.py
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chart_shapes import SHAPES, Schema

ROOT = Path(__file__).resolve().parent.parent
CHART = Path("helm/parallelrun")
BEGIN, END = "<!-- values: written by `python tools/chart_readme.py` -->\n", "<!-- end of values -->\n"

#: Values that charts which contain this one may set; this chart does nothing with them.
OUTER: dict[str, Schema] = {
    "global": {"type": "object", "description": "Values that a chart which contains this one shares; not used."},
    "enabled": {"type": "boolean", "description": "For the condition of a chart that contains this one; not used."},
}

CRD_HEAD = """\
# Written by `python tools/chart_readme.py` from crds/PLURAL.yaml; do not edit.
{{- if .Values.crds.install }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: PLURAL.parallelrun.dev
  labels:
    {{- include "parallelrun.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""


class ChartError(Exception):
    """values.yaml, or another source, is not as this program needs it; the message says where and how."""


@dataclass(frozen=True)
class Value:
    """One entry of values.yaml."""

    path: tuple[str, ...]
    default: Any
    text: str  # its comment
    schema: Schema
    inner: tuple[Value, ...] = ()  # entries of an object that has a closed list of them


def values(text: str) -> tuple[Value, ...]:
    """The entries of values.yaml; raises ChartError where one has no comment or its type cannot be told."""
    return tuple(_entries(yaml.compose(text, yaml.SafeLoader), text.splitlines(), ()))


def _entries(node: Any, lines: list[str], above: tuple[str, ...]) -> Iterator[Value]:
    loader = yaml.SafeLoader("")
    for key, value in node.value:
        path = (*above, key.value)
        text, extra = _comment(lines, key.start_mark.line, path)
        default = loader.construct_object(value, deep=True)
        if "shape" not in extra and isinstance(default, dict) and default:
            inner = tuple(_entries(value, lines, path))
            yield Value(path, default, text, _described(_closed(inner), text), inner)
        elif not text:
            raise ChartError(f"values.yaml: {'.'.join(path)} has no comment")
        else:
            yield Value(path, default, text, {**_described(_typed(default, extra, path), text), "default": default})


def _comment(lines: list[str], line: int, path: tuple[str, ...]) -> tuple[str, Schema]:
    """(text, what the @schema line says) of the comment that ends above ``line``."""
    said: list[str] = []
    extra: Schema = {}
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        text = lines[line].strip().removeprefix("#").strip()
        if text.startswith("@schema "):
            extra = yaml.safe_load(text.removeprefix("@schema "))
            if not isinstance(extra, dict):
                raise ChartError(f"values.yaml: @schema of {'.'.join(path)} is no mapping")
        else:
            said.insert(0, text)
    return " ".join(said), extra


def _typed(default: Any, extra: Schema, path: tuple[str, ...]) -> Schema:
    extra = dict(extra)
    if (shape := extra.pop("shape", None)) is not None:
        return {**copy.deepcopy(SHAPES[shape]), **extra}
    types = {bool: "boolean", int: "integer", str: "string", list: "array"}
    made = {"type": types.get(type(default)), **extra}
    if made["type"] is None or (made["type"] == "array" and "items" not in made):
        raise ChartError(f"values.yaml: the type of {'.'.join(path)} cannot be told: add a line @schema {{...}}")
    return made


def _closed(inner: tuple[Value, ...]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {value.path[-1]: value.schema for value in inner},
    }


def _described(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema} if text else schema


def schema(entries: tuple[Value, ...]) -> str:
    """values.schema.json. Draft 7 is what all versions of Helm understand."""
    whole = _closed(entries)
    whole["properties"] = {**whole["properties"], **OUTER}
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the parallelrun chart"}
    return json.dumps({**head, **whole}, indent=2) + "\n"


def table(entries: tuple[Value, ...]) -> str:
    """The part of README.md that is about values: those of the top first, then a section for each object."""
    sections = [_rows([one for one in entries if not one.inner])]
    for one in entries:
        if one.inner:
            sections.append("\n".join(filter(None, (f"### {one.path[0]}\n", one.text and f"{one.text}\n"))))
            sections.append(_rows(list(_all(one.inner))))
    return "\n".join(sections)


def _all(entries: tuple[Value, ...]) -> Iterator[Value]:
    """Entries in the order of the file; an object that has a comment comes before what is in it."""
    for one in entries:
        if one.text or not one.inner:
            yield one
        yield from _all(one.inner)


def _rows(entries: list[Value]) -> str:
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for one in entries:
        meaning = one.text.replace("|", "\\|")
        if "enum" in one.schema:
            meaning += f" One of {', '.join(f'`{word}`' for word in one.schema['enum'])}."
        for example in one.schema.get("examples", [])[:1]:
            meaning += f" Example: `{example if isinstance(example, str) else json.dumps(example)}`"
        default = "" if one.inner else f"`{json.dumps(one.default)}`"
        rows.append(f"| `{'.'.join(one.path)}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def readme(old: str, entries: tuple[Value, ...]) -> str:
    """README.md with a new table between its two marks; raises ChartError where they are gone."""
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        raise ChartError(f"README.md of the chart has lost one of its marks {BEGIN.strip()!r} and {END.strip()!r}")
    before, after = old.split(BEGIN)[0], old.split(END)[1]
    return f"{before}{BEGIN}\n{table(entries)}\n{END}{after}"


def crd(plural: str, text: str) -> str:
    """The definition as a template; raises ChartError where its head is another than this program writes."""
    head, found, spec = text.partition("\nspec:\n")
    if not found or f"name: {plural}.parallelrun.dev" not in head:
        raise ChartError(f"crds/{plural}.yaml does not look like the definition of {plural}")
    escaped = re.sub(r"[{}]{2,}", lambda found: '{{ "' + found[0] + '" }}', spec)
    return f"{CRD_HEAD.replace('PLURAL', plural)}spec:\n{escaped.rstrip()}\n{{{{- end }}}}\n"


def versioned(text: str, version: str) -> str:
    """Chart.yaml with the project's version."""
    text = re.sub(r"(?m)^version: .*$", f"version: {version}", text)
    return re.sub(r"(?m)^appVersion: .*$", f'appVersion: "{version}"', text)


def generate(root: Path = ROOT) -> dict[Path, str]:
    """Every file that is written, with its text."""
    chart = root / CHART
    entries = values((chart / "values.yaml").read_text())
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return {
        chart / "values.schema.json": schema(entries),
        chart / "README.md": readme((chart / "README.md").read_text(), entries),
        **{
            chart / f"templates/crd-{path.name}": crd(path.stem, path.read_text())
            for path in sorted((root / "crds").glob("*.yaml"))
        },
        chart / "Chart.yaml": versioned((chart / "Chart.yaml").read_text(), version),
    }


if __name__ == "__main__":
    for path, text in generate().items():
        path.write_text(text)
