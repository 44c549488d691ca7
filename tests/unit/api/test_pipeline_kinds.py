"""What is wrong with a pipeline or a run of one is said with its field and an example that repairs it."""

from __future__ import annotations

from typing import Any

import pytest

from parallelrun.api import checks
from parallelrun.api.kinds import PIPELINES
from parallelrun.api.problems import dotted
from parallelrun.api.rule import broken_rules
from parallelrun.api.shape import with_defaults

Json = dict[str, Any]
KINDS = {kind.name: kind for kind in PIPELINES}
SCRIPT: Json = {"source": {"configMap": {"name": "code"}}, "entryScript": "prepare.py"}
STEP: Json = {"name": "prepare", "script": SCRIPT}
STEPS: Json = {"steps": [STEP]}


def step(**changed: Any) -> Json:
    return {"steps": [STEP | changed]}


def script(**changed: Any) -> Json:
    return step(script=SCRIPT | changed)


#: (name, spec of a pipeline, field, words); the same is wrong with a pipeline that stands in a run
OF_STEPS: list[tuple[str, Json, str, str]] = [
    ("x", STEPS | {"parameters": [{"name": "a"}, {"name": "a"}]}, "parameters[1].name", "only once"),
    ("x", STEPS | {"parameters": [{"name": "a b"}]}, "parameters[0].name", "made of letters"),
    ("x", STEPS | {"parameters": [{"name": "a", "type": "integer", "default": 1.5}]}, "parameters[0].default", "type"),
    ("x", STEPS | {"parameters": [{"name": "a", "type": "number", "default": True}]}, "parameters[0].default", "type"),
    ("x", {"steps": [STEP, STEP]}, "steps[1].name", "only once"),
    ("x", step(name="Prepare"), "steps[0].name", "lower-case"),
    ("x", step(job={}), "steps[0]", "exactly one of script and job"),
    ("x", step(dependsOn=["score"]), "steps[0].dependsOn[0]", "must name steps"),
    ("x", script(source={}), "steps[0].script.source", "exactly one of configMap"),
    ("x", script(entryScript="../a.py"), "steps[0].script.entryScript", "without '..'"),
    ("x", script(outputs=[{"name": "a"}, {"name": "a"}]), "steps[0].script.outputs[1].name", "only once"),
]
CASES: list[tuple[str, str, Json, str, str]] = [
    *(("ParallelRunPipeline", name, spec, f"spec.{field}", words) for name, spec, field, words in OF_STEPS),
    *(
        ("ParallelRunPipelineRun", name, {"pipelineSpec": spec}, f"spec.pipelineSpec.{field}", words)
        for name, spec, field, words in OF_STEPS
    ),
    ("ParallelRunPipeline", "a" * 53, STEPS, "metadata.name", "at most 52"),
    ("ParallelRunPipeline", "x", STEPS | {"schedule": {"cron": "@daily"}}, "spec.schedule.cron", "five fields"),
    (
        "ParallelRunPipeline",
        "x",
        STEPS | {"schedule": {"cron": "0 2 * * *", "timeZone": "Europe/Berlinn"}},
        "spec.schedule.timeZone",
        "IANA",
    ),
    ("ParallelRunPipelineRun", "a.b", {"pipeline": {"name": "a"}}, "metadata.name", "at most 63"),
    ("ParallelRunPipelineRun", "x", {}, "spec", "exactly one of pipeline and pipelineSpec"),
    ("ParallelRunPipelineRun", "x", {"pipeline": {"name": "A"}}, "spec.pipeline.name", "Kubernetes name"),
    (
        "ParallelRunPipelineRun",
        "x",
        {"pipeline": {"name": "a"}, "rerunFailed": {"name": "A"}},
        "spec.rerunFailed.name",
        "Kubernetes name",
    ),
]


def made(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "name", "spec", "field", "words"), CASES, ids=[f"{case[0]}-{case[3]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_problem_has_its_field_and_rule_and_an_example_that_repairs_it(repairs, kind, name, spec, field, words):
    model, rules = KINDS[kind].model, KINDS[kind].rules
    document = made(kind, name, spec)
    (problem,) = checks.problems(document, model, rules)
    assert dotted(problem.path) == field
    assert words in problem.rule
    assert any(not checks.problems(one, model, rules) for one in repairs(document, problem)), problem.example


@pytest.mark.parametrize("kind", PIPELINES, ids=lambda kind: kind.name)
def test_every_rule_of_pipelines_is_broken_by_one_of_them(kind):
    broken = set()
    for name, object_name, spec, _, _ in CASES:
        if name == kind.name:
            document = made(name, object_name, spec)
            malformed = {problem.path for problem in checks.problems(document, kind.model, ())}
            broken |= {
                rule.name for rule, _ in broken_rules(kind.rules, with_defaults(kind.model, document), malformed)
            }
    assert broken == {rule.name for rule in kind.rules if rule.broken is not None}


@pytest.mark.parametrize(
    "parameter",
    [
        {"type": "integer", "default": "5"},
        {"type": "integer", "default": 5},
        {"type": "number", "default": 5},
        {"type": "boolean", "default": False},
        {"type": "string", "default": ""},
        {"type": "dataset", "default": "mnist"},
        {"type": "string"},
    ],
)
def test_a_default_may_be_text_that_a_run_reads(parameter):
    kind = KINDS["ParallelRunPipeline"]
    document = made(kind.name, "x", STEPS | {"parameters": [{"name": "a", **parameter}]})
    assert checks.problems(document, kind.model, kind.rules) == []


def test_what_the_schema_leaves_open_is_still_checked_here_for_its_type():
    kind = KINDS["ParallelRunPipeline"]
    document = made(kind.name, "x", STEPS | {"parameters": [{"name": "a", "default": ["b"]}]})
    assert [dotted(problem.path) for problem in checks.problems(document, kind.model, kind.rules)] == [
        "spec.parameters[0].default"
    ]
