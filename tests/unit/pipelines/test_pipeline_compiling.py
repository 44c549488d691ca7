"""From a pipeline's steps to jobs: parameters, references, order, and what is said where they are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.api.errors import ManifestError
from parallelrun.api.problems import dotted
from parallelrun.api.references import substitute
from parallelrun.pipelines import check, graph, parameters
from parallelrun.pipelines.compile import job_spec

Json = dict[str, Any]
SOURCE: Json = {"configMap": {"name": "code"}}
PREPARE: Json = {
    "name": "prepare",
    "script": {
        "source": SOURCE,
        "entryScript": "prepare.py",
        "arguments": ["--out", "$(outputs.prepared)", "--rows", "$(params.rows)"],
        "outputs": [{"name": "prepared"}],
    },
}
SCORE: Json = {
    "name": "score",
    "job": {
        "source": SOURCE,
        "entryScript": "score.py",
        "inputs": [{"name": "images", "type": "File", "paths": ["$(steps.prepare.outputs.prepared)/*.png"]}],
        "miniBatchSize": "$(params.rows)",
    },
}
REPORT: Json = {
    "name": "report",
    "script": {
        "source": SOURCE,
        "entryScript": "report.py",
        "arguments": ["$(steps.score.file)"],
        "timeoutSeconds": 60,
        "maxTry": 2,
    },
}
ROWS: Json = {"name": "rows", "type": "integer", "default": 5}


def spec(*steps: Json, **rest: Any) -> Json:
    return {"parameters": [ROWS], "steps": list(steps), **rest}


def document(value: Json) -> Json:
    meta = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunPipeline", "metadata": {"name": "digits"}}
    return {**meta, "spec": value}


WHOLE = spec(REPORT, SCORE, PREPARE)


def compiled(value: Json, step: str, params: Json | None = None, outputs: Json | None = None) -> Json:
    return job_spec(
        value, step, {"rows": 5} if params is None else params, outputs or {}, lambda s, o: f"/data/{s}/{o}"
    )


# --- parameters ---


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("string", "5", "5"), ("string", 5, "5"), ("integer", "5", 5), ("integer", -5, -5), ("number", "1.5", 1.5),
        ("number", "2", 2), ("number", 2.5, 2.5), ("boolean", "True", True), ("boolean", False, False),
        ("dataset", "mnist:2", "mnist:2"), ("model", "mnist@latest", "mnist@latest"),
    ],
)  # fmt: skip
def test_a_value_is_read_by_its_type(kind, value, found):
    read = parameters.resolve({"parameters": [{"name": "a", "type": kind}]}, {"a": value})["a"]
    assert (read, type(read)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", True), ("integer", "5.0"), ("integer", 5.5), ("integer", True), ("integer", ""), ("number", "nan"),
        ("number", "x"), ("number", True), ("boolean", 1), ("boolean", "yes"), ("dataset", "a b"), ("dataset", ""),
        ("string", [1]),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_with_the_parameters_name(kind, value):
    with pytest.raises(ManifestError, match=r"parameters\.a: .* is n"):
        parameters.resolve({"parameters": [{"name": "a", "type": kind}]}, {"a": value})


def test_every_problem_of_the_parameters_is_said_at_once():
    declared = {"parameters": [{"name": "rows", "type": "integer"}, {"name": "seed", "description": "of the sample"}]}
    with pytest.raises(ManifestError) as caught:
        parameters.resolve(declared, {"row": 1, "rows": "many"})
    assert 'Did you mean "rows"?' in caught.value.message
    assert "parameters.rows: 'many' is not an integer." in caught.value.message
    assert "parameters.seed has no default: this run has to set it (of the sample)." in caught.value.message


def test_a_default_counts_where_a_run_sets_nothing():
    assert parameters.resolve({"parameters": [ROWS]}, {}) == {"rows": 5}
    assert parameters.resolve({"parameters": [ROWS]}, {"rows": "7"}) == {"rows": 7}


# --- order ---


def test_a_step_needs_those_that_it_refers_to_and_depends_on():
    assert graph.needs(spec(PREPARE, SCORE, REPORT | {"dependsOn": ["prepare"]})) == {
        "prepare": frozenset(),
        "score": {"prepare"},
        "report": {"score", "prepare"},
    }


def test_steps_are_ordered_by_need_and_else_as_in_the_manifest():
    assert graph.order(WHOLE) == ["prepare", "score", "report"]
    assert graph.order(spec(PREPARE, PREPARE | {"name": "b"}, SCORE | {"name": "a"})) == ["prepare", "b", "a"]


def test_steps_that_wait_for_each_other_are_named():
    circle = spec(PREPARE | {"dependsOn": ["report"]}, SCORE, REPORT, SCORE | {"name": "other"})
    with pytest.raises(ManifestError, match=r"steps\[0\]: steps wait for each other: prepare -> report -> score -> p"):
        graph.order(circle)
    with pytest.raises(ManifestError, match="prepare -> prepare"):
        graph.order(spec(PREPARE | {"dependsOn": ["prepare"]}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$(params.row)", 'there is no parameter "row". Did you mean "rows"?'),
        ("$(steps.prepar.outputs.prepared)", 'there is no step "prepar". Did you mean "prepare"?'),
        ("$(steps.prepare.outputs.prepard)", 'prepare has no output "prepard". Did you mean "prepared"?'),
        ("$(steps.prepare.output)", "prepare is a script"),
        ("$(steps.prepare)", r"write $(steps.STEP.outputs.NAME)"),
        ("$(steps.prepare.prepared)", r"write $(steps.STEP.outputs.NAME)"),
    ],
)
def test_a_reference_to_nothing_is_named_with_its_place(text, words):
    step = {"name": "b", "script": {"source": SOURCE, "entryScript": "b.py", "arguments": ["-a", f"x {text}"]}}
    (problem,) = graph.problems(spec(PREPARE, step))
    assert dotted(problem.path) == "steps[1].script.arguments[1]"
    assert words in problem.rule


def test_escaped_references_are_text_and_need_nothing():
    step = {"name": "b", "script": {"source": SOURCE, "entryScript": "b.py", "arguments": ["$$(steps.x.output)"]}}
    assert graph.needs(spec(step)) == {"b": frozenset()}
    assert compiled(spec(step), "b")["arguments"] == ["$$(steps.x.output)"]


# --- jobs ---


def test_a_script_is_a_job_that_runs_once():
    assert compiled(WHOLE, "prepare") == {
        "runOnce": True,
        "runInvocationTimeoutSeconds": 259200,
        "runMaxTry": 1,
        "source": SOURCE,
        "entryScript": "prepare.py",
        "arguments": ["--out", "$(outputs.prepared)", "--rows", "5"],
        "outputs": [{"name": "prepared", "path": "/data/prepare/prepared"}],
    }


def test_time_and_tries_of_a_script_are_its_jobs():
    made = compiled(WHOLE, "report", outputs={"score": {"file": "/data/score/output/x.txt"}})
    assert (made["runInvocationTimeoutSeconds"], made["runMaxTry"]) == (60, 2)
    assert "timeoutSeconds" not in made


def test_what_a_program_is_told_of_an_earlier_step_is_there_where_it_runs():
    """In a pod the output is mounted, and a change of it is a change of the input."""
    script = {
        "source": SOURCE,
        "entryScript": "a.py",
        "arguments": ["--from", "$(steps.score.file)", "$(steps.score.output)/x $(steps.score.file) $(outputs.y)"],
        "environment": {"env": [{"name": "HERE", "value": "$(steps.score.output)"}]},
        "sideInputs": [{"name": "known", "path": "$(steps.score.output)"}, {"name": "score-file", "path": "other"}],
        "outputs": [{"name": "y"}],
    }
    score = {"name": "score", "job": SCORE["job"]}
    outputs = {"score": {"file": "pvc://c/o/x.txt", "output": "pvc://c/o"}, "prepare": {"prepared": "/p"}}
    made = compiled(spec(PREPARE, score, {"name": "a", "script": script}), "a", outputs=outputs)
    assert made["arguments"] == [
        "--from",
        "$(sideInputs.score-file-2)",
        "$(sideInputs.known)/x $(sideInputs.score-file-2) $(outputs.y)",
    ]
    assert made["environment"]["env"] == [{"name": "HERE", "value": "$(sideInputs.known)"}]
    assert made["sideInputs"] == [
        {"name": "known", "path": "pvc://c/o"},
        {"name": "score-file", "path": "other"},
        {"name": "score-file-2", "path": "pvc://c/o/x.txt"},
    ]


def test_text_that_is_one_reference_becomes_the_value_with_its_type():
    made = compiled(WHOLE, "score", outputs={"prepare": {"prepared": "/data/p"}})
    assert made["miniBatchSize"] == 5
    assert made["inputs"][0]["paths"] == ["/data/p/*.png"]
    assert made["output"] == {"path": "/data/score/output"}


def test_a_folder_with_brackets_in_its_name_is_that_folder_among_wildcards() -> None:
    made = job_spec(WHOLE, "score", {"rows": 5}, {"prepare": {"prepared": "/runs/a[1]"}}, "{}/{}".format)
    assert made["inputs"][0]["paths"] == ["/runs/a[[]1]/*.png"]
    whole = {**SCORE, "job": {**SCORE["job"], "inputs": [{"paths": ["$(steps.prepare.outputs.prepared)"]}]}}
    made = job_spec(spec(whole, PREPARE), "score", {"rows": 5}, {"prepare": {"prepared": "/runs/a[1]"}}, "{}/{}".format)
    assert made["inputs"][0]["paths"] == ["/runs/a[1]"]


def test_an_output_that_a_step_has_not_left_is_named_with_the_field():
    with pytest.raises(ManifestError, match=r"step report: arguments\[0\]: \$\(steps.score.file\) is not there"):
        compiled(WHOLE, "report", outputs={"score": {"output": "/data/score/output"}})


@pytest.mark.parametrize("output", [{"action": "SummaryOnly"}, {"path": "mine"}])
def test_a_jobs_own_output_goes_to_the_runs_folder_only_where_there_is_one_and_it_says_no_other(output):
    step = {"name": "a", "job": SCORE["job"] | {"inputs": [], "output": output}}
    assert compiled(spec(step), "a")["output"] == output


def test_an_output_keeps_its_own_path():
    step = {"name": "a", "job": {"outputs": [{"name": "x", "path": "here"}, {"name": "y"}]}}
    assert compiled(spec(step), "a")["outputs"] == [{"name": "x", "path": "here"}, {"name": "y", "path": "/data/a/y"}]


def test_what_the_pipeline_says_counts_for_steps_that_say_nothing():
    pipeline = spec(
        PREPARE,
        {"name": "own", "job": {"environment": {"pip": ["b"]}, "tags": {"team": "own"}}},
        environment={"pip": ["a"], "env": [{"name": "ROWS", "value": "$(params.rows)"}]},
        computeTarget="gpus",
        volume={"claimName": "fast"},
        experiment="digits",
        tags={"team": "vision", "for": "all"},
    )
    made = compiled(pipeline, "prepare")
    assert made["environment"] == {"pip": ["a"], "env": [{"name": "ROWS", "value": "5"}]}
    assert (made["computeTarget"], made["volume"], made["experiment"]) == ("gpus", {"claimName": "fast"}, "digits")
    own = compiled(pipeline, "own")
    assert own["environment"] == {"pip": ["b"]}
    assert own["tags"] == {"team": "own", "for": "all"}


@given(st.text(alphabet="$()xa.b inputs", max_size=20))
def test_a_parameters_text_reaches_the_script_as_it_is(text):
    step = {
        "name": "a",
        "script": {"source": SOURCE, "entryScript": "a.py", "arguments": ["<$(params.t)>", "$(params.t)"]},
    }
    made = compiled({"parameters": [{"name": "t"}], "steps": [step]}, "a", {"t": text})
    read = substitute([("arguments", one) for one in made["arguments"]], {})
    assert read == [f"<{text}>", text]


def test_an_escaped_reference_in_a_path_is_text():
    step = {"name": "a", "job": {"inputs": [{"paths": ["$$(params.rows)/a"]}]}}
    assert compiled(spec(step), "a")["inputs"] == [{"paths": ["$(params.rows)/a"]}]


# --- checking ---


def test_a_right_pipeline_has_no_problems():
    assert check.problems(document(WHOLE)) == []


def script(**changed: Any) -> Json:
    return {"steps": [PREPARE | {"script": PREPARE["script"] | changed}]}


def job(**changed: Any) -> Json:
    return {"steps": [PREPARE, {"name": "score", "job": SCORE["job"] | changed}]}


def scheduled(**given: Any) -> Json:
    return {"schedule": {"cron": "0 2 * * *", "parameters": given}}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (job(nodeCoumt=2), "steps[1].job.nodeCoumt", "did you mean nodeCount?"),
        (job(suspend=True), "steps[1].job.suspend", "the run's to say"),
        (script(sideInputs=[{"name": "a b", "path": "x"}]), "steps[0].script.sideInputs[0].name", "made of"),
        (script(arguments=["$(outputs.prepard)"]), "steps[0].script.arguments[0]", "must name something"),
        (script(outputs=[{"name": "file"}], arguments=[]), "steps[0].script.outputs[0].name", "cannot be called"),
        ({"parameters": [ROWS | {"default": "KB"}]}, "parameters[0].default", "is not an integer"),
        ({"parameters": [ROWS | {"type": "string", "default": "10KB"}]}, "steps[1].job.miniBatchSize", "file"),
        (scheduled(rows="x"), "schedule.parameters.rows", "is not an integer"),
        (scheduled(row=1), "schedule.parameters.row", "no such parameter"),
    ],
)
def test_a_problem_of_a_step_is_named_by_its_place_in_the_pipeline(change, field, words):
    first = check.problems(document(WHOLE | change))[0]
    assert dotted(first.path) == f"spec.{field}"
    assert words in first.rule


def test_what_only_a_run_knows_is_not_taken_for_wrong():
    without = {"name": "rows"}
    assert check.problems(document(WHOLE | {"parameters": [without]})) == []


def test_an_inline_pipelines_steps_and_the_runs_parameters_are_checked_as_well():
    run = document({"pipelineSpec": WHOLE, "parameters": {"rows": "x", "row": 1}}) | {"kind": "ParallelRunPipelineRun"}
    assert [dotted(problem.path) for problem in check.problems(run)] == ["spec.parameters.rows", "spec.parameters.row"]
