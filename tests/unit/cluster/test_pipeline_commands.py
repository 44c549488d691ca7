"""Pipelines and their runs in a cluster, by command: submitted, looked at, waited for, steered and run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parallelrun.kube.resources import CONFIG_MAPS, PIPELINE_RUNS, PIPELINES, Resource

Json = dict[str, Any]

PIPELINE = """
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunPipeline
metadata: {name: digits}
spec:
  parameters:
  - {name: count, type: integer, default: 5}
  steps:
  - name: prepare
    script: {source: {directory: code}, entryScript: prepare.py, outputs: [{name: data}]}
  - name: score
    job:
      source: {directory: code}
      entryScript: score.py
      inputs: [{name: files, type: File, paths: ["$(steps.prepare.outputs.data)"]}]
      miniBatchSize: $(params.count)
"""
RUN = """
---
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunPipelineRun
metadata: {name: digits-7}
spec:
  pipeline: {name: digits}
  parameters: {count: 7}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Callable[..., Path]:
    """Writes pipeline.yaml with this text after it, and a source folder beside it."""

    def write(more: str = "") -> Path:
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
        (tmp_path / "code" / "prepare.py").write_text("print('prepared')\n")
        path = tmp_path / "pipeline.yaml"
        path.write_text(PIPELINE + more)
        return path

    return write


@pytest.fixture
def get(ask: Callable[..., Any], namespace: str) -> Callable[[Resource, str], Json]:
    def one(kind: Resource, name: str) -> Json:
        found: Json = ask(lambda kube: kube.get(kind, namespace, name))
        return found

    return one


@pytest.fixture
def tell(ask: Callable[..., Any], namespace: str) -> Callable[..., None]:
    """Writes a run's status, as the operator would."""

    def write(name: str, **status: Any) -> None:
        ask(lambda kube: kube.patch(PIPELINE_RUNS, namespace, name, {"status": status}, subresource="status"))

    return write


def condition(kind: str, reason: str = "StepFailed", message: str = "") -> Json:
    when = "2026-01-31T12:00:00Z"
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": when}


def test_a_pipeline_is_applied_with_its_code_and_a_run_of_it_started(pipeline: Any, call: Any, get: Any) -> None:
    done = call("submit", pipeline(), "--param", "count=3")
    assert done.code == 0, done.err
    name = done.out.strip()
    assert name.startswith("digits-")
    run, applied = get(PIPELINE_RUNS, name), get(PIPELINES, "digits")
    assert run["spec"]["pipeline"] == {"name": "digits"}
    assert run["spec"]["parameters"] == {"count": "3"}  # read by the parameter's type when the run begins
    sources = {
        step["name"]: (step.get("job") or step["script"])["source"]["configMap"]["name"]
        for step in applied["spec"]["steps"]
    }
    assert len(set(sources.values())) == 1, "the same folder is sent once"
    code = get(CONFIG_MAPS, sources["score"])
    owners = {(owner["kind"], owner["name"]) for owner in code["metadata"]["ownerReferences"]}
    assert owners == {("ParallelRunPipeline", "digits"), ("ParallelRunPipelineRun", name)}


def test_a_run_that_stands_in_the_file_is_the_one_that_is_made(pipeline: Any, call: Any, get: Any) -> None:
    done = call("submit", pipeline(RUN), "--regenerate")
    assert done.code == 0, done.err
    spec = get(PIPELINE_RUNS, "digits-7")["spec"]
    assert spec["parameters"] == {"count": 7}
    assert spec["regenerateOutputs"] is True
    again = call("submit", pipeline(RUN))
    assert again.code == 2
    assert "digits-7" in again.err


def test_a_pipeline_may_be_applied_without_a_run(pipeline: Any, call: Any, get: Any, ask: Any, namespace: str) -> None:
    done = call("submit", pipeline(), "--no-run")
    assert done.code == 0, done.err
    assert get(PIPELINES, "digits")["spec"]["steps"]
    assert ask(lambda kube: kube.list_objects(PIPELINE_RUNS, namespace))[0] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--param", "count=many"), "parameters.count: 'many' is not an integer"),
        (("--param", "cuont=3"), "there is no such parameter"),
        (("--set", "spec.nodeCount=3"), "--set is for a job"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(pipeline: Any, call: Any, words: Any, said: str) -> None:
    done = call("submit", pipeline(), *words)
    assert done.code == 2
    assert said in done.err


def test_options_of_pipelines_are_refused_for_a_job(manifest: Any, call: Any) -> None:
    for words in (("--param", "a=1"), ("--no-run",)):
        done = call("submit", manifest(), *words)
        assert done.code == 2
        assert f"{words[0]} is for pipelines" in done.err


def test_a_dry_run_prints_all_objects_and_makes_none(pipeline: Any, call: Any, ask: Any, namespace: str) -> None:
    for kind in ("client", "server"):
        done = call("submit", pipeline(), f"--dry-run={kind}", "-o", "json")
        assert done.code == 0, done.err
        kinds = [one["kind"] for one in json.loads(done.out)["items"]]
        assert kinds == ["ConfigMap", "ParallelRunPipeline", "ParallelRunPipelineRun"]
    assert ask(lambda kube: kube.list_objects(PIPELINES, namespace))[0] == []


def test_a_run_is_shown_with_its_steps_and_listed(pipeline: Any, call: Any, tell: Any) -> None:
    call("submit", pipeline(RUN))
    steps = [
        {"name": "prepare", "phase": "Reused", "job": "digits-7-prepare", "reusedFrom": "digits-6-prepare"},
        {"name": "score", "phase": "Running", "job": "digits-7-score"},
    ]
    tell("digits-7", phase="Running", progress="1/2", steps=steps, parameters={"count": 7})
    shown = call("get", "digits-7").out
    assert "digits-6-prepare" in shown
    assert "Reused" in shown
    listed = call("list", "--pipelines").out
    assert [word for word in ("digits-7", "digits", "Running", "1/2") if word not in listed] == []


def test_waiting_gives_the_run_s_end(pipeline: Any, call: Any, tell: Any) -> None:
    call("submit", pipeline(RUN))
    assert call("wait", "digits-7", "--timeout", "0.5").code == 124
    tell("digits-7", phase="Succeeded", conditions=[condition("Complete", "Succeeded")])
    done = call("wait", "digits-7")
    assert (done.code, done.out.strip()) == (0, "Succeeded")
    tell("digits-7", phase="Failed", conditions=[condition("Failed", message="step score: no")])
    watched = call("watch", "digits-7")
    assert watched.code == 1
    assert "step score: no" in watched.err


@pytest.mark.parametrize(("word", "spec"), [("suspend", {"suspend": True}), ("cancel", {"cancel": True})])
def test_a_run_is_steered_until_it_is_over(
    pipeline: Any, call: Any, get: Any, tell: Any, word: str, spec: Json
) -> None:
    call("submit", pipeline(RUN))
    assert call(word, "digits-7").code == 0
    assert spec.items() <= get(PIPELINE_RUNS, "digits-7")["spec"].items()
    tell("digits-7", phase="Succeeded", conditions=[condition("Complete")])
    assert "is over" in call(word, "digits-7").err


def test_what_failed_is_run_again_by_a_run_that_goes_on_from_it(pipeline: Any, call: Any, get: Any, tell: Any) -> None:
    call("submit", pipeline(RUN))
    assert "is not over" in call("rerun", "digits-7", "--failed").err
    tell("digits-7", phase="Failed", conditions=[condition("Failed")])
    done = call("rerun", "digits-7", "--failed")
    assert done.code == 0, done.err
    spec = get(PIPELINE_RUNS, done.out.strip())["spec"]
    assert spec["rerunFailed"] == {"name": "digits-7"}
    assert (spec["pipeline"], spec["parameters"]) == ({"name": "digits"}, {"count": 7})
    assert "--failed alone" in call("rerun", "digits-7").err


def test_a_run_is_deleted(pipeline: Any, call: Any, ask: Any, namespace: str) -> None:
    call("submit", pipeline(RUN))
    assert call("delete", "digits-7", "--results").code == 2
    assert call("delete", "digits-7").code == 0
    assert ask(lambda kube: kube.list_objects(PIPELINE_RUNS, namespace))[0] == []


def test_a_step_of_a_run_means_its_job(call: Any, namespace: str) -> None:
    for words in (("-n", namespace), ()):
        done = call("get", "digits-7", "--step", "score", *words)
        assert f'There is no job "digits-7-score" in namespace {namespace}' in done.err


def test_a_run_may_be_named_as_kubectl_prints_it(pipeline: Any, call: Any) -> None:
    call("submit", pipeline(RUN))
    for kind in ("parallelrunpipelinerun.parallelrun.dev", "prpr"):
        assert call("get", f"{kind}/digits-7", "-o", "name").out.strip() == "digits-7"


def test_a_name_that_is_neither_a_job_s_nor_a_run_s_is_told(call: Any, namespace: str) -> None:
    done = call("get", "nothing", "-n", namespace)
    assert done.code == 2
    assert f'There is no job "nothing" in namespace {namespace}' in done.err
