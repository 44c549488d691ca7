"""Every value does something, and values that do nothing are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from chart import CHART, EVERYTHING, NAMESPACE, VERSION, Json, at, merged, of_kind
from chart_readme import Value, values

ENTRIES = values((CHART / "values.yaml").read_text())


def leaves(entries: tuple[Value, ...]) -> Iterator[Value]:
    for one in entries:
        yield from leaves(one.inner) if one.inner else (one,)


LEAVES = list(leaves(ENTRIES))
#: What has to be otherwise than in EVERYTHING for a value to show.
BESIDES = {
    "runner.image.tag": (("runner", "image", "digest"), ""),
    "metrics.service.enabled": (("metrics", "serviceMonitor", "enabled"), False),
}
EXISTING = {".".join(one.path) for one in LEAVES}


def another(value: Value, now: Any) -> Any:
    """One that the schema takes, and that is not ``now``."""
    kind = value.schema["type"]
    candidates = [*value.schema.get("examples", []), value.default, *value.schema.get("enum", [])]
    if isinstance(value.default, bool):
        candidates += [not value.default]
    elif isinstance(value.default, int):
        candidates += [value.default + 1]
    elif kind == "string":
        candidates += ["4h" if value.path[-1] == "interval" else "other"]
    elif kind == "array":
        candidates += [value.default[:1]]
    else:
        candidates += [{"type": "Recreate"}] if value.path[-1] == "strategy" else [{"limits": {"cpu": "2"}}]
    return next(one for one in candidates if one != now)


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: ".".join(value.path))
def test_a_value_changes_what_is_rendered(helm, value):
    besides = BESIDES.get(".".join(value.path))
    before = merged(EVERYTHING, *besides) if besides else EVERYTHING
    after = merged(before, value.path, another(value, at(before, value.path, value.default)))
    assert helm.text(before) != helm.text(after)


def test_every_value_that_a_template_reads_exists():
    used = {
        found
        for path in (CHART / "templates").iterdir()
        for found in re.findall(r"\.Values\.([A-Za-z0-9_.]+)", path.read_text())
    }
    missing = {one for one in used if not any(f"{known}.".startswith(f"{one}.") for known in EXISTING)}
    assert len(used) > 40
    assert not missing


@pytest.mark.parametrize("chosen", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_lint_finds_nothing(helm, chosen):
    done = helm.run("lint", "--strict", CHART, values=chosen)
    assert done.returncode == 0, done.stdout + done.stderr


REFUSED = {
    "an unknown value": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "an unknown value further down": ({"runner": {"image": {"name": "x"}}}, "/runner/image': additional properties"),
    "a number as text": ({"operator": {"replicas": "two"}}, "/operator/replicas': got string, want integer"),
    "a word that is none of those": ({"operator": {"log": {"format": "xml"}}}, "must be one of 'json', 'plain'"),
    "a name with capitals": ({"watchNamespaces": ["Team"]}, "/watchNamespaces/0': 'Team' does not match pattern"),
    "a claim without a namespace": ({"claims": [{"size": "1Gi"}]}, "/claims/0': missing property 'namespace'"),
    "root": ({"user": {"runAsUser": 0}}, "/user/runAsUser': minimum: got 0, want 1"),
    "a container field that is none": ({"runner": {"workerResources": {"limit": {}}}}, "additional properties 'limit'"),
    "a monitor without a service": (
        {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
        "needs metrics.service.enabled",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("chosen", "message"), REFUSED.values(), ids=REFUSED)
def test_values_are_refused_with_their_place(helm, chosen, message):
    assert message in helm.refusal(chosen)


def test_the_chart_can_be_part_of_another(helm, tmp_path):
    """A chart that contains this one hands it ``global``, and may use ``enabled`` as the condition."""
    (tmp_path / "Chart.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v2",
                "name": "whole",
                "version": "1.0.0",
                "dependencies": [{"name": "parallelrun", "version": "*", "condition": "parallelrun.enabled"}],
            }
        )
    )
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "parallelrun").symlink_to(CHART)
    chosen: Json = {"global": {"a": 1}, "parallelrun": {"enabled": True}}
    made = helm.run("template", "x", tmp_path, "--namespace", NAMESPACE, *VERSION, values=chosen)
    assert made.returncode == 0, made.stderr
    assert len(of_kind([one for one in yaml.safe_load_all(made.stdout) if one], "Deployment")) == 1
