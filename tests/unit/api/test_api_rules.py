"""The rules of every kind: both sides are there, speak of fields that exist, and their examples and the models' are
right."""

import copy
import re
from typing import Any, get_args, get_origin

import pytest
import yaml

from parallelrun.api import checks, shape
from parallelrun.api.kinds import DEFINED
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.models.base import Model
from parallelrun.api.rule import ITEMS, Rule
from parallelrun.api.rules import RULES, updates
from parallelrun.api.shape import with_defaults

_SCRIPT = {"source": {"directory": "."}, "entryScript": "prepare.py"}
# Fields beside the required ones that an object needs to be right, or that a field's example needs beside it.
NEEDED: dict[str, dict[str, Any]] = {
    "ParallelRunJobSpec": {"inputs": [{"name": "a", "type": "File", "paths": ["a/"]}]},
    "Source": {"directory": "."},
    "EnvVarSource": {"fieldRef": {"fieldPath": "metadata.name"}},
    "EnvFrom": {"configMapRef": {"name": "a"}},
    "Input": {"type": "File", "paths": ["a/"]},
    "Toleration": {"key": "a"},
    "Condition": {"value": 1},
    "DatastoreSpec": {"gcs": {"bucket": "a"}},
    "Step": {"script": _SCRIPT},
    "PipelineRunSpec": {"pipeline": {"name": "a"}},
}
STORES = ("s3", "azureBlob", "gcs", "https", "claim")
EXCLUDED_BY = {
    "Source": ("configMap", "claim", "git", "imagePath", "directory"),
    "EnvVarSource": ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"),
    "EnvFrom": ("configMapRef", "secretRef"),
    "DatastoreSpec": STORES,
    "Condition": ("value", "values"),
    "Step": ("script", "job"),
    "PipelineRunSpec": ("pipeline", "pipelineSpec"),
}
BESIDE = {
    "Input.dataset": {"paths": []},
    "Input.table": {"type": "Tabular"},
    "Input.subset": {"type": "Tabular"},
    "DatasetSpec.table": {"type": "Tabular"},
    "DatasetSpec.subset": {"type": "Tabular"},
    "Condition.values": {"op": "in"},
    "Output.csv": {"format": "CSV"},
    "Toleration.tolerationSeconds": {"effect": "NoExecute"},
    "ParallelRunJobSpec.partitionKeys": {"inputs": [{"name": "a", "type": "Tabular", "paths": ["a/"]}]},
    "ParallelRunJobSpec.runOnce": {"inputs": []},
    "ParallelRunJobSpec.arguments": {"sideInputs": [{"name": "labels", "path": "labels.txt"}]},
}


ROOTS: dict[type[Model], tuple[Rule, ...]] = {ParallelRunJob: RULES, **{kind.model: kind.rules for kind in DEFINED}}
EVERY = [(root, rule) for root, rules in ROOTS.items() for rule in rules]


def smallest(model: type[Model]) -> dict[str, Any]:
    """An object of ``model`` with the required fields, from their examples."""
    if model in ROOTS:
        return {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": shape.fields(model)["kind"].examples[0],
            "metadata": {"name": "a"},
            "spec": smallest(shape.child(model, "spec")),
        }
    found = {
        name: info.examples[0] for name, info in shape.fields(model).items() if info.is_required() and info.examples
    }
    return {**copy.deepcopy(found), **copy.deepcopy(NEEDED.get(model.__name__, {}))}


def places(model: type[Model], path: tuple[str, ...] = ()) -> list[tuple[type[Model], tuple[str, ...]]]:
    """Every model of the manifest with its place."""
    found = [(model, path)]
    for name, info in shape.fields(model).items():
        inner = shape.plain(info.annotation)
        here = (*path, name)
        if get_origin(inner) is list:
            inner, here = shape.plain(get_args(inner)[0]), (*here, ITEMS)
        if shape.is_model(inner):
            found += places(inner, here)
    return found


def manifest_with(root: type[Model], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A right object of the kind ``root`` with ``value`` at ``place``."""
    document = smallest(root)
    if not place:
        return value
    here: Any = document
    model: Any = root
    for index, part in enumerate(place):
        last = index + 1 == len(place)
        if part == ITEMS:
            model = shape.child(model, 0)
            here[:] = [value if last else smallest(model)]
            here = here[0]
            continue
        excluded = EXCLUDED_BY.get(model.__name__, ())
        for other in excluded if part in excluded else ():
            here.pop(other, None)
        here |= copy.deepcopy(BESIDE.get(f"{model.__name__}.{part}", {}))
        model = shape.child(model, part)
        is_list = get_origin(model) is list
        here[part] = [] if is_list else value if last else smallest(model)
        here = here[part]
    return document


FIELDS = [
    (root, model, place, name)
    for root in ROOTS
    for model, place in places(root)
    for name, info in shape.fields(model).items()
    if info.examples and place[:1] != ("metadata",) and name != "dependsOn"  # which needs a second step
]


@pytest.mark.parametrize(
    ("root", "model", "place", "name"), FIELDS, ids=[".".join((root.__name__, *p, n)) for root, _, p, n in FIELDS]
)
def test_the_example_of_every_field_is_right(root, model, place, name):
    value = smallest(model)
    others = EXCLUDED_BY.get(model.__name__, ())
    for other in others if name in others else ():
        value.pop(other, None)
    value |= copy.deepcopy(BESIDE.get(f"{model.__name__}.{name}", {}))
    value[name] = copy.deepcopy(shape.fields(model)[name].examples[0])
    assert problems_of(root, manifest_with(root, place, value)) == []


def problems_of(root: type[Model], document: dict[str, Any]) -> list[str]:
    """What is said of an object of the kind ``root``."""
    return [problem.render("") for problem in checks.problems(document, root, ROOTS[root])]


def test_every_field_that_people_write_has_a_description_and_an_example():
    for model, place in (found for root in ROOTS for found in places(root)):
        for name, info in shape.fields(model).items():
            assert info.description, f"{model.__name__}.{name}"
            if place or name not in ("spec", "status"):
                written = info.description != "Set by the API server." and info.description != "Set by controllers."
                assert info.examples or not written, f"{model.__name__}.{name}"


def ids(value: Any) -> str:
    return value.name if isinstance(value, Rule) else value.__name__


@pytest.mark.parametrize("rule", [rule for _, rule in EVERY], ids=ids)
def test_a_rule_has_both_sides_or_says_why_not(rule):
    python = rule.broken is not None or rule.transition is not None
    assert python or rule.cel is not None
    assert (python and rule.cel is not None) != bool(rule.only), rule.only
    assert not rule.message.endswith(".")
    assert "\n" not in rule.sentence


def test_names_of_rules_are_unique():
    for rules in ROOTS.values():
        names = [rule.name for rule in rules]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("root", "rule"), [(root, rule) for root, rule in EVERY if rule.cel], ids=ids)
def test_a_cel_expression_speaks_of_fields_that_there_are(root, rule):
    model: Any = root
    for part in rule.place:
        model = shape.child(model, 0 if part == ITEMS else part)
    known = set(shape.fields(model))
    named = re.findall(r"\b(?:self|oldSelf)\.([A-Za-z0-9]+)", rule.cel)
    assert named
    assert set(named) <= known
    assert set(rule.reads) <= known
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "", rule.cel)
    assert bare.count("(") == bare.count(")")
    assert "'" not in bare


@pytest.mark.parametrize(("root", "rule"), [(root, rule) for root, rule in EVERY if rule.broken], ids=ids)
def test_the_example_of_a_rule_keeps_it(root, rule):
    model: Any = root
    for part in rule.place:
        model = shape.child(model, 0 if part == ITEMS else part)
    value = smallest(model)
    example, excluded = yaml.safe_load(rule.example), EXCLUDED_BY.get(model.__name__, ())
    for name in excluded if {*example} & {*excluded} else ():
        value.pop(name, None)
    value |= example
    assert problems_of(root, manifest_with(root, rule.place, value)) == []


def spec(**changes: Any) -> dict[str, Any]:
    document = smallest(ParallelRunJob)
    document["spec"] |= changes
    return with_defaults(ParallelRunJob, document)["spec"]


def broken_by(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [rule.name for rule in RULES if rule.transition is not None and not rule.transition(old, new)]


@pytest.mark.parametrize(
    "change", [{"nodeCount": 7}, {"suspend": True}, {"cancel": True}, {"ttlSecondsAfterFinished": 5}], ids=str
)
def test_the_mutable_fields_can_change(change):
    assert broken_by(spec(), spec(**change)) == []


@pytest.mark.parametrize(
    "change",
    [{"errorThreshold": 1}, {"miniBatchSize": 3}, {"arguments": ["x"]}, {"entryScript": "b.py"}, {"maxNodeCount": 9}],
    ids=str,
)
def test_any_other_field_cannot_change_nor_be_added_or_taken_away(change):
    (name,) = change
    assert broken_by(spec(), spec(**change)) == [f"immutable-{name}"]
    assert broken_by(spec(**change), spec()) == [f"immutable-{name}"]


def test_every_field_of_spec_is_either_mutable_or_not():
    assert {*updates.MUTABLE, *updates.IMMUTABLE} == set(shape.fields(shape.child(ParallelRunJob, "spec")))
    assert not set(updates.MUTABLE) & set(updates.IMMUTABLE)


def test_a_cancelled_job_stays_cancelled():
    assert broken_by(spec(cancel=True), spec(cancel=False)) == ["cancel-one-way"]
    assert broken_by(spec(cancel=True), spec(cancel=True)) == []


def test_without_max_node_count_a_job_scales_to_64_or_down():
    assert broken_by(spec(nodeCount=2), spec(nodeCount=64)) == []
    assert broken_by(spec(nodeCount=2), spec(nodeCount=65)) == ["scale"]
    assert broken_by(spec(nodeCount=100), spec(nodeCount=80)) == []
    assert broken_by(spec(nodeCount=2, maxNodeCount=100), spec(nodeCount=80, maxNodeCount=100)) == []


@pytest.mark.parametrize(
    ("inputs", "good"),
    [
        (["File", "File"], True),
        (["File", "MLTable"], True),
        (["MLTable", "Tabular"], True),
        (["File", "Tabular"], False),
        (["MLTable", "File", "Tabular"], False),
    ],
)
def test_inputs_are_all_file_or_all_tabular(inputs, good):
    document = smallest(ParallelRunJob)
    document["spec"]["inputs"] = [{"name": f"i{n}", "type": kind, "paths": ["a/"]} for n, kind in enumerate(inputs)]
    assert (checks.problems(document) == []) == good


@pytest.mark.parametrize(
    ("form", "keys", "good"),
    [
        ("{Store}/{Brand}.csv", ["Store"], True),
        ("{Store}/{Brand}.csv", ["Brand", "Store"], True),
        ("{Date:yyyy/MM}/x.csv", ["Date"], True),
        ("{Store}/{Brand}.csv", ["Sto"], False),
        (None, ["Store"], False),
    ],
)
def test_keys_of_file_input_are_columns_of_its_partition_format(form, keys, good):
    document = smallest(ParallelRunJob)
    document["spec"] |= {"partitionKeys": keys}
    document["spec"]["inputs"] = [{"name": "a", "type": "File", "paths": ["a/"]}]
    if form:
        document["spec"]["inputs"][0]["partitionFormat"] = form
    assert (checks.problems(document) == []) == good


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"partitionKeys": ["a", "a"]}, "partitionKeys"),
        ({"partitionKeys": ["a"], "miniBatchSize": 3}, "miniBatchSize"),
    ],
)
def test_keys_are_given_once_and_exclude_a_size(change, field):
    document = smallest(ParallelRunJob)
    document["spec"] |= {"inputs": [{"name": "a", "type": "Tabular", "paths": ["a/"]}], **change}
    assert [problem.path[:2] for problem in checks.problems(document)] == [("spec", field)]


def test_directory_is_accepted_here_and_refused_by_the_crd_which_says_where_it_may_be_used():
    document = manifest_with(ParallelRunJob, ("spec", "source"), {"directory": "./code"})
    assert checks.problems(document) == []
    (rule,) = [rule for rule in RULES if rule.name == "source-directory"]
    assert rule.cel == "!has(self.directory)"
    assert "parallelrun submit" in rule.message
