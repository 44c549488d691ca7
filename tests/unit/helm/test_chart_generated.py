"""What is generated is what the sources say, and the generator refuses what it cannot read."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest
import yaml
from chart import CHART, EVERYTHING, ROOT, Json
from chart_readme import ChartError, crd, generate, readme, values

GENERATED = generate()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_generated_file_is_as_make_generate_writes_it(path):
    assert path.read_text() == GENERATED[path], f"{path.name} is old: run `make generate`"


def test_the_chart_has_the_projects_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (version, version)


def schema() -> Json:
    return json.loads((CHART / "values.schema.json").read_text())


#: Objects whose fields are Kubernetes' business, or another chart's.
OPEN = {"global", "nodeAffinity", "podAffinity", "podAntiAffinity"}


def open_objects(one: Json, name: str = "") -> set[str]:
    """Names of the objects in a schema that take any field."""
    found = {name} if one.get("type") == "object" and "additionalProperties" not in one else set()
    for key, inner in one.get("properties", {}).items():
        found |= open_objects(inner, key)
    for key in ("items", "additionalProperties"):
        if isinstance(one.get(key), dict):
            found |= open_objects(one[key], f"{name}[]")
    return found


def test_every_object_of_the_schema_is_closed():
    assert open_objects(schema()) == OPEN


def test_the_schema_is_a_schema_and_takes_the_defaults():
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text()), schema())
    jsonschema.validate(EVERYTHING, schema())


def test_every_example_fits_its_own_schema():
    def check(one: Json) -> int:
        for example in one.get("examples", []):
            jsonschema.validate(example, one)
        return len(one.get("examples", [])) + sum(check(inner) for inner in one.get("properties", {}).values())

    assert check(schema()) > 10


def test_a_value_without_a_comment_is_refused():
    with pytest.raises(ChartError, match=r"a\.b has no comment"):
        values("# A.\na:\n  b: 1\n")


def test_a_value_whose_type_cannot_be_told_is_refused():
    with pytest.raises(ChartError, match="the type of a cannot be told"):
        values("# A list of something.\na: []\n")


def test_a_readme_without_marks_is_refused():
    with pytest.raises(ChartError, match="lost one of its marks"):
        readme("# parallelrun\n", ())


def test_braces_in_the_definition_are_text_to_helm():
    made = crd(
        "parallelrunjobs", "metadata:\n  name: parallelrunjobs.parallelrun.dev\nspec:\n  description: '{{ a }}'\n"
    )
    assert """description: '{{ "{{" }} a {{ "}}" }}'""" in made
