"""Pipelines as Python objects: what they say in YAML, and what is wrong with them."""

from __future__ import annotations

import pytest
import yaml

import parallelrun as pr

BATCH = pr.Parameter("batch", 5, description="Images in a mini-batch")
DATA = pr.Parameter("data", "mnist", type="dataset")


def pipeline() -> pr.Pipeline:
    prepare = pr.ScriptStep(
        "prepare", source="prepare", entry_script="prepare.py", arguments=["--out", "$(outputs.prepared)"],
        outputs=["prepared"],
    )  # fmt: skip
    job = pr.Job(
        "score", source="code", entry_script="score.py", mini_batch_size=BATCH,
        inputs=[pr.Files(prepare.outputs["prepared"], name="images")], arguments=[f"--data={DATA}"],
    )  # fmt: skip
    score = pr.Step("score", job, allow_reuse=False)
    report = pr.ScriptStep(
        "report", source="report", entry_script="report.py", side_inputs={"scores": score.file}, depends_on=[prepare],
    )  # fmt: skip
    return pr.Pipeline(
        "digits", parameters=[BATCH, DATA], steps=[prepare, score, report],
        schedule={"cron": "0 2 * * *", "time_zone": "Europe/Berlin"},
    )  # fmt: skip


def test_a_pipeline_says_what_its_manifest_says():
    made = pipeline()
    made.validate()
    assert yaml.safe_load(made.to_yaml())["spec"] == {
        "schedule": {"cron": "0 2 * * *", "timeZone": "Europe/Berlin"},
        "parameters": [
            {"name": "batch", "type": "integer", "default": 5, "description": "Images in a mini-batch"},
            {"name": "data", "type": "dataset", "default": "mnist"},
        ],
        "steps": [
            {
                "name": "prepare",
                "script": {
                    "source": {"directory": "prepare"},
                    "entryScript": "prepare.py",
                    "arguments": ["--out", "$(outputs.prepared)"],
                    "outputs": [{"name": "prepared"}],
                },
            },
            {
                "name": "score",
                "allowReuse": False,
                "job": {
                    "source": {"directory": "code"},
                    "entryScript": "score.py",
                    "arguments": ["--data=$(params.data)"],
                    "inputs": [{"name": "images", "type": "File", "paths": ["$(steps.prepare.outputs.prepared)"]}],
                    "miniBatchSize": "$(params.batch)",
                },
            },
            {
                "name": "report",
                "dependsOn": ["prepare"],
                "script": {
                    "source": {"directory": "report"},
                    "entryScript": "report.py",
                    "sideInputs": [{"name": "scores", "path": "$(steps.score.file)"}],
                },
            },
        ],
    }


def test_a_pipeline_is_the_same_after_yaml():
    made = pipeline()
    assert pr.Pipeline.from_yaml(made.to_yaml()).manifest == made.manifest


def test_an_output_that_a_step_does_not_have_is_refused_where_it_is_named():
    step = pr.ScriptStep("prepare", source="p", entry_script="p.py", outputs=["prepared"])
    with pytest.raises(KeyError, match="step prepare has no output nosuch: prepared"):
        step.outputs["nosuch"]


def test_what_is_wrong_with_a_step_is_said_with_its_place():
    made = pipeline()
    made.steps[1].job.spec["nodeCount"] = "many"
    with pytest.raises(pr.ManifestError, match=r"Pipeline digits: 1 problem\n\n.*spec.steps\[1\].job.nodeCount"):
        made.validate()


def test_the_code_of_a_job_that_was_built_elsewhere_is_found(tmp_path):
    job = pr.Job("a", source="code", entry_script="a.py", inputs=[pr.Files("x")], base=tmp_path)
    made = pr.Pipeline("p", steps=[pr.Step("a", job)], base=tmp_path / "other")
    assert made.manifest["spec"]["steps"][0]["job"]["source"] == {"directory": str(tmp_path / "code")}
    assert job.spec["source"] == {"directory": "code"}


def test_text_without_a_pipeline_is_refused():
    with pytest.raises(pr.ManifestError, match="has no ParallelRunPipeline"):
        pr.Pipeline.from_yaml("kind: ConfigMap\n")
