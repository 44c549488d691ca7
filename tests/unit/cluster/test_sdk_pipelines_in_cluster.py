"""Pipelines given to a cluster from Python, against a real API server: what is stored, told, waited for, steered."""

from __future__ import annotations

import pytest

import parallelrun as pr
from parallelrun.kube.resources import CONFIG_MAPS, PIPELINE_RUNS, PIPELINES


@pytest.fixture
def pipeline(call, tmp_path):
    for name in ("prepare", "score"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    batch = pr.Parameter("batch", 5)
    prepare = pr.ScriptStep("prepare", source="prepare", entry_script="prepare.py", outputs=["data"])
    job = pr.Job(
        "score", source="score", entry_script="score.py", inputs=[pr.Files(prepare.outputs["data"])],
        mini_batch_size=batch,
    )  # fmt: skip
    return pr.Pipeline("digits", parameters=[batch], steps=[prepare, pr.Step("score", job)])


@pytest.fixture
def becomes(ask, namespace):
    """Says what an operator would of a run."""

    def say(run, phase, kind=None, **status):
        condition = {"type": kind, "status": "True", "reason": phase, "message": "so it was"}
        condition["lastTransitionTime"] = "2026-01-31T12:00:00Z"
        value = {"phase": phase, "conditions": [condition] if kind else [], **status}
        ask(lambda kube: kube.patch(PIPELINE_RUNS, namespace, run.name, {"status": value}, "status"))

    return say


@pytest.fixture
def stored(ask, namespace):
    return lambda resource, name: ask(lambda kube: kube.get(resource, namespace, name))


STEPS = [
    {"name": "prepare", "phase": "Reused", "reusedFrom": "digits-0-prepare", "job": "digits-1-prepare"},
    {"name": "score", "phase": "Failed", "message": "ErrorThresholdExceeded", "job": "digits-1-score"},
]


def test_a_pipeline_is_applied_with_its_code_and_run(pipeline, stored):
    run = pipeline.submit({"batch": 1}, regenerate=True)
    assert (run.pipeline, run.where, run.phase, run.steps) == ("digits", "cluster", "Pending", [])
    spec = stored(PIPELINE_RUNS, run.name)["spec"]
    assert spec["pipeline"] == {"name": "digits"}
    assert (spec["parameters"], spec["regenerateOutputs"]) == ({"batch": 1}, True)
    for step, kind in zip(stored(PIPELINES, "digits")["spec"]["steps"], ("script", "job"), strict=True):
        assert stored(CONFIG_MAPS, step[kind]["source"]["configMap"]["name"])
    again = pipeline.submit()
    assert again.name != run.name
    assert pr.PipelineRun.get(run.name).pipeline == "digits"


def test_a_run_is_waited_for_and_its_steps_are_runs(pipeline, becomes, capfd):
    run = pipeline.submit()
    with pytest.raises(TimeoutError, match=f"{run.name} still goes on"):
        run.wait(timeout=0.2)
    becomes(run, "Failed", "Failed", steps=STEPS, parameters={"batch": 5})
    with pytest.raises(pr.JobFailed, match="step score failed: ErrorThresholdExceeded"):
        run.wait(show=True)
    assert "prepare: Reused from digits-0-prepare\nscore: Failed: ErrorThr" in capfd.readouterr().out
    assert run.parameters == {"batch": 5}
    assert run.step("prepare").reused_from == "digits-0-prepare"
    assert run.step("score").run.name == "digits-1-score"
    with pytest.raises(pr.ParallelRunError, match=r"has no step nosuch.\nIts steps: prepare, score."):
        run.step("nosuch")
    again = run.rerun_failed(wait=False)
    assert pr.PipelineRun.get(again.name).pipeline == "digits"


def test_a_run_is_suspended_and_cancelled(pipeline, stored):
    run = pipeline.submit()
    run.suspend()
    assert stored(PIPELINE_RUNS, run.name)["spec"]["suspend"] is True
    run.resume()
    run.cancel()
    spec = stored(PIPELINE_RUNS, run.name)["spec"]
    assert (spec["suspend"], spec["cancel"]) == (False, True)
