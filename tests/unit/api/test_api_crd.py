"""The CRDs: what is checked in is what the models say, and the API server takes it.

The structural rules are checked here as the API server states them; the file was also put through the API server's own
validation (schema, CEL, cost budgets), which a test without Go cannot repeat.
"""

import pathlib
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import jsonschema
import pytest
import yaml

from parallelrun.api import crd, shape
from parallelrun.api.kinds import DEFINED
from parallelrun.api.models import ParallelRunJob, ParallelRunJobSpec
from parallelrun.api.models.base import Model
from parallelrun.api.rules import RULES

FOLDER = pathlib.Path(__file__).parents[3] / "crds"
DEFINITIONS = crd.definitions()
VERSIONS = {made["spec"]["names"]["kind"]: made["spec"]["versions"][0] for made in DEFINITIONS.values()}
ROOTS = {kind: version["schema"]["openAPIV3Schema"] for kind, version in VERSIONS.items()}
MODELS: dict[str, type[Model]] = {
    "ParallelRunJob": ParallelRunJobSpec,
    **{kind.name: shape.child(kind.model, "spec") for kind in DEFINED},
}
RULES_OF = {"ParallelRunJob": RULES, **{kind.name: kind.rules for kind in DEFINED}}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_checked_in_file_is_what_the_models_say(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == crd.texts()[name], "write it anew: python -m parallelrun.api.crd crds"
    assert yaml.safe_load(text) == DEFINITIONS[name]


def test_there_is_no_other_file():
    assert {path.name for path in FOLDER.iterdir()} == set(DEFINITIONS)


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from schemas(inner, f"{path}.{name}" if path else name)
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from schemas(schema[key], path + mark)


ALLOWED = {
    "description", "type", "format", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength",
    "minItems", "maxItems", "maxProperties", "default", "required", "pattern", "properties", "items",
    "additionalProperties", "x-kubernetes-int-or-string", "x-kubernetes-validations", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}  # fmt: skip


#: Objects that are checked by other means than the schema.
FREE = (".spec.steps[].job", ".pipelineSpec.steps[].job", ".status.pipelineSpec", ".status.parameters")
EVERY = [(f"{kind}.{path}", schema) for kind, root in ROOTS.items() for path, schema in schemas(root)]


@pytest.mark.parametrize(("path", "schema"), EVERY, ids=[path for path, _ in EVERY])
def test_a_schema_is_structural(path, schema):
    if path.endswith((".value", ".values[]")) and ".where[]" in path:  # text, a number or a boolean
        assert schema["x-kubernetes-preserve-unknown-fields"] is True
        assert set(schema) <= {"description", "x-kubernetes-preserve-unknown-fields"}
        return
    if path.endswith((".parameters[].default", ".parameters{}")):
        assert schema.keys() - {"description"} == {"x-kubernetes-preserve-unknown-fields"}
        return
    if path.endswith(FREE):
        assert schema.keys() - {"description", "default"} == {"type", "x-kubernetes-preserve-unknown-fields"}
        return
    assert set(schema) <= ALLOWED
    assert "exclusiveMinimum" not in schema or "minimum" in schema
    assert ("type" in schema) != bool(schema.get("x-kubernetes-int-or-string"))
    assert not ("properties" in schema and "additionalProperties" in schema)
    if schema.get("type") == "array":
        assert "items" in schema
    assert set(schema.get("required", ())) <= set(schema.get("properties", {}))
    if schema.get("x-kubernetes-list-type") == "map":
        keys = schema["x-kubernetes-list-map-keys"]
        assert set(keys) <= set(schema["items"]["required"])


def test_every_list_map_and_text_of_spec_is_bounded_so_that_cel_costs_are():
    for path, schema in EVERY:
        if ".spec." not in path:
            continue
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path
        if schema.get("type") == "string":
            assert "maxLength" in schema or "enum" in schema or "format" in schema, path


def test_every_property_is_explained():
    for path, schema in EVERY:
        if not path.endswith((".", ".metadata")) and not path.endswith(("[]", "{}")):
            assert schema.get("description"), path


def model_places(
    model: type[Model], root: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[type[Model], dict[str, Any]]]:
    schema = root
    for part in path:
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    yield model, schema
    for name, info in shape.fields(model).items():
        inner, here = shape.plain(info.annotation), (*path, name)
        if get_origin(inner) is list:
            inner, here = shape.plain(get_args(inner)[0]), (*here, "[]")
        if shape.is_model(inner):
            yield from model_places(inner, root, here)


def test_every_default_in_the_crd_is_the_models_and_the_other_way_round():
    seen = 0
    found = (place for kind, root in ROOTS.items() for place in model_places(MODELS[kind], root, ("spec",)))
    for model, schema in found:
        for name, info in shape.fields(model).items():
            assert schema["properties"][name].get("default") == shape.default_of(info), f"{model.__name__}.{name}"
            assert (name in schema.get("required", ())) == info.is_required()
            seen += "default" in schema["properties"][name]
    assert seen > 40


def test_defaults_fit_their_own_schemas():
    for _, schema in EVERY:
        if "default" in schema:
            plain = {k: v for k, v in schema.items() if not k.startswith("x-")}
            jsonschema.validate(schema["default"], plain, cls=jsonschema.Draft4Validator)  # OpenAPI 3.0 extends it


@pytest.mark.parametrize("kind", ROOTS)
def test_every_rule_with_cel_is_in_the_crd_with_its_words(kind):
    found = {
        (entry["rule"], entry["message"])
        for _, schema in schemas(ROOTS[kind])
        for entry in schema.get("x-kubernetes-validations", ())
    }
    assert found == {(rule.cel, rule.sentence) for rule in RULES_OF[kind] if rule.cel}


def test_a_field_that_a_rule_blames_is_a_property_beside_it():
    for path, schema in EVERY:
        for entry in schema.get("x-kubernetes-validations", ()):
            assert len(entry["rule"]) < 2048
            if "fieldPath" in entry:
                assert entry["fieldPath"].removeprefix(".") in schema["properties"], path


@pytest.mark.parametrize("kind", ROOTS)
def test_columns_and_subresources_point_to_fields_that_there_are(kind):
    paths = [column["jsonPath"] for column in VERSIONS[kind]["additionalPrinterColumns"]]
    scale = VERSIONS[kind].get("subresources", {}).get("scale", {})
    for path in [*paths, *scale.values()]:
        schema = ROOTS[kind]
        for part in path.removeprefix(".").split("."):
            if part == "creationTimestamp":
                break
            schema = schema["properties"][part] if part != "metadata" else {}


def test_a_job_has_a_status_and_can_be_scaled_and_what_is_registered_is_data_only():
    job = VERSIONS["ParallelRunJob"]
    assert [column["name"] for column in job["additionalPrinterColumns"]] == [
        "Phase", "Progress", "Failed", "Left", "Age",
    ]  # fmt: skip
    assert job["subresources"]["scale"]["specReplicasPath"] == ".spec.nodeCount"
    assert job["subresources"]["status"] == {}
    ours = ["ParallelRunJob", "ParallelRunPipeline", "ParallelRunPipelineRun"]
    assert [kind for kind, version in VERSIONS.items() if "subresources" in version] == ours
    assert [kind for kind, root in ROOTS.items() if "status" in root["properties"]] == ours


def test_names_of_the_kinds():
    names = {made["metadata"]["name"]: made["spec"]["names"]["shortNames"] for made in DEFINITIONS.values()}
    assert names == {
        "parallelrunjobs.parallelrun.dev": ["prj"],
        "datastores.parallelrun.dev": ["prds"],
        "datasets.parallelrun.dev": ["prdata"],
        "models.parallelrun.dev": ["prmodel"],
        "environments.parallelrun.dev": ["prenv"],
        "computetargets.parallelrun.dev": ["prct"],
        "parallelrunpipelines.parallelrun.dev": ["prp"],
        "parallelrunpipelineruns.parallelrun.dev": ["prpr"],
    }
    assert {made["spec"]["scope"] for made in DEFINITIONS.values()} == {"Namespaced"}


def test_the_json_schema_for_editors_takes_a_manifest_and_refuses_a_misspelt_one(minimal):
    schema = crd.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(minimal, schema)
    minimal["spec"]["nodeCoumt"] = 2
    with pytest.raises(jsonschema.ValidationError, match="nodeCoumt"):
        jsonschema.validate(minimal, schema)
    assert schema["title"] == ParallelRunJob.__name__
