"""Pages that list names list all of them, and none that is not there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from parallelrun.api import conditions
from parallelrun.kube.resources import REGISTERED
from parallelrun_operator.job.policies import diagnosis
from parallelrun_operator.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


VALUES = [
    pytest.param(yaml.safe_load(block), id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("how-to/*.md"))
    for number, block in enumerate(
        re.findall(r"^```yaml values\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    )
]


def listed(page: str, heading: str | None = None) -> list[str]:
    """The names at the start of the rows of a page's table, or of the one below a heading."""
    text = (DOCS / page).read_text()
    if heading is not None:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        name for cell in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]


def test_every_reason_of_failed_is_explained() -> None:
    assert sorted(listed("reference/status.md", "Reasons of Failed")) == sorted(conditions.REASONS)


def test_every_reason_of_failed_has_a_remedy() -> None:
    assert sorted(listed("how-to/cluster-failures.md", "It failed")) == sorted(conditions.REASONS)


def test_every_trouble_has_a_remedy() -> None:
    """Those that advice is known for, and those of our own; not every reason that Kubernetes may come up with."""
    own = {"MissingPersistentVolumeClaim", "MissingConfigMap", "PrepareFailed", "FetchFailed", "AgentFailed"}
    own |= {"MissingSecret", *(f"Missing{kind.kind}" for kind in REGISTERED), conditions.STORE_REFUSED}
    own |= {conditions.VOLUME_FULL, conditions.QUEUED, conditions.SUSPENDING, conditions.ABORTING}
    assert {*diagnosis._ADVICE, *own} <= {*listed("how-to/cluster-failures.md", "It waits")}


def test_every_condition_is_explained() -> None:
    assert sorted(listed("reference/status.md", "Conditions")) == sorted(conditions.CONDITION_TYPES)


def test_every_field_of_status_is_explained() -> None:
    crd = yaml.safe_load((ROOT / "crds" / "parallelrunjobs.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    page = (DOCS / "reference" / "status.md").read_text().partition("## Conditions")[0]
    named = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE))))
    assert named == schema["properties"].keys() - {"selector"}  # which only `kubectl scale` reads


def test_every_metric_is_explained() -> None:
    """By the name that a query uses: counters end in _total."""
    ends = {"counter": "_total"}
    families = [(f"{one.name}{ends.get(one.type, '')}", one.type) for one in Metrics().registry.collect()]
    page = (DOCS / "reference" / "metrics.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE) == families


@pytest.mark.parametrize("values", VALUES)
def test_values_shown_are_values_of_the_chart(values: dict[str, object]) -> None:
    schema = json.loads((ROOT / "helm" / "parallelrun" / "values.schema.json").read_text())
    jsonschema.validate(values, schema)


def test_values_named_are_values_of_the_chart() -> None:
    values = yaml.safe_load((ROOT / "helm" / "parallelrun" / "values.yaml").read_text())
    table = (DOCS / "how-to" / "install.md").read_text().partition("Values that matter")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w.]+)`", "".join(re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)))
    assert len(named) > 8
    for name in named:
        below = values
        for part in name.split("."):
            assert part in below, name
            below = below[part]


def test_images_are_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    pages = [*DOCS.glob("how-to/*.md"), *ROOT.glob("examples/*/cluster-job.yaml")]
    tag = re.compile(r"parallelrun/(?:runner[-a-z]*|operator|\$image):([\w.]+)")
    tags = [found for page in pages for found in tag.findall(page.read_text())]
    assert len(tags) >= 3
    assert set(tags) == {version}
