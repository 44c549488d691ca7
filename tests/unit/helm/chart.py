"""The chart, rendered: values in, objects out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "parallelrun"
EVERYTHING: Json = yaml.safe_load((Path(__file__).parent / "everything.yaml").read_text())
RELEASE, NAMESPACE = "parallelrun", "parallelrun-system"
VERSION = ("--kube-version", "1.34.0")  # what Helm takes for granted without a cluster depends on how it was built

sys.path.insert(0, str(ROOT / "tools"))


@dataclass(frozen=True)
class Helm:
    """A helm program."""

    program: str

    def run(self, *arguments: object, values: Json | None = None) -> subprocess.CompletedProcess[str]:
        """``helm ARGUMENTS``, with values in addition to the chart's."""
        command = [self.program, *map(str, arguments), "--values", "-"]
        return subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True, check=False)

    def text(self, values: Json | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> str:
        """All objects, as YAML."""
        made = self.run("template", release, CHART, "--namespace", namespace, *VERSION, values=values)
        assert made.returncode == 0, made.stderr
        return made.stdout

    def objects(self, values: Json | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> list[Json]:
        """All objects."""
        text = self.text(values, release=release, namespace=namespace)
        return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]

    def refusal(self, values: Json) -> str:
        """What Helm says of values that it must not take."""
        made = self.run("template", RELEASE, CHART, *VERSION, values=values)
        assert made.returncode != 0, "these values were taken"
        return made.stderr


def of_kind(objects: list[Json], kind: str, name: str = "") -> list[Json]:
    """Those of a kind, and of a name where one is given."""
    return [one for one in objects if one["kind"] == kind and name in ("", one["metadata"]["name"])]


def pods(objects: list[Json]) -> list[Json]:
    """Every pod, also those that a Deployment would make."""
    inner = [{**one["spec"]["template"], "kind": "Pod"} for one in of_kind(objects, "Deployment")]
    return [*of_kind(objects, "Pod"), *inner]


def merged(values: Json, path: tuple[str, ...], value: Any) -> Json:
    """``values`` with another one at ``path``."""
    first, *rest = path
    return {**values, first: merged(values.get(first) or {}, tuple(rest), value) if rest else value}


def at(values: Json, path: tuple[str, ...], default: Any) -> Any:
    """The value at ``path``, or ``default`` where there is none."""
    for part in path:
        if not isinstance(values, dict) or part not in values:
            return default
        values = values[part]
    return values
