"""Jobs of real v2 YAML: components, pipelines within pipelines, kinds that have no counterpart."""

from __future__ import annotations

import pytest
from azure_yaml import changed, imported

from parallelrun.api.errors import ManifestError

COMPONENT = """
type: parallel
name: score
version: 1
inputs:
  images: {type: uri_folder}
  top: {type: integer, default: 3, optional: true}
outputs:
  scores: {type: uri_file}
input_data: ${{inputs.images}}
mini_batch_size: "10"
is_deterministic: false
resources: {instance_count: 4}
task:
  type: run_function
  code: ../src
  entry_script: score.py
  program_arguments: --top ${{inputs.top}}
  append_row_to: ${{outputs.scores}}
"""


USING = """
type: pipeline
jobs:
  score_1:
    type: parallel
    component: file:./components/score.yml
    inputs:
      images: {type: uri_folder, path: ./images}
    resources: {instance_count: 2}
  score-1:
    component: ./components/score.yml
    inputs: {images: {path: ./images}, top: 9}
"""


def test_a_component_s_fields_count_where_the_job_says_nothing():
    made = imported(USING, {"components/score.yml": COMPONENT})
    first, second = made.step("score-1"), made.step("score-1-2")
    assert (first["nodeCount"], second["nodeCount"]) == (2, 4)
    assert (first["arguments"], second["arguments"]) == (["--top", "3"], ["--top", "9"])
    assert [step["allowReuse"] for step in made.spec["steps"]] == [False, False]
    assert [str(code.origin) for code in made.book.codes] == ["/repo/src", "/repo/src"]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("{type: sweep, trial: x}", "no counterpart"),
        ("{type: parallel, component: 'azureml:there:1'}", "only the workspace"),
        ("{type: command, component: ./missing.yml}", "cannot be read"),
    ],
)
def test_a_job_that_cannot_be_imported_is_left_out_and_told_once(job, reason):
    made = imported(changed(("jobs:\n", f"jobs:\n  other: {job}\n")))
    assert [step["name"] for step in made.spec["steps"]] == ["score"]
    assert [reason in one.became for one in made.of("lost")] == [True]


def test_what_reads_a_step_that_was_left_out_is_told():
    made = imported(
        changed(
            ("jobs:\n", "jobs:\n  other: {type: sweep}\n"),
            ("{type: uri_folder, path: ./images}", "'${{parent.jobs.other.outputs.best}}'"),
        )
    )
    assert "names no input of the pipeline" in made.finding("inputs.images", "lost").became


def test_a_pipeline_without_a_step_that_can_be_imported_is_refused():
    with pytest.raises(ManifestError, match="none of its jobs"):
        imported("type: pipeline\njobs:\n  a: {type: spark}\n")


@pytest.mark.parametrize("text", ["type: sweep\n", "a: 1\n"])
def test_another_kind_of_file_is_refused(text):
    with pytest.raises(ManifestError, match="no pipeline, parallel or command job"):
        imported(text)


def test_a_command_job_of_its_own_is_a_pipeline_of_one():
    made = imported("type: command\ncode: ./src\ncommand: python score.py --n ${{inputs.n}}\ninputs: {n: 4}\n")
    assert made.step("pipeline")["arguments"] == ["--n", "4"]
    assert made.of("lost") == []


INNER = """
type: pipeline
display_name: inner
inputs:
  raw: {type: uri_folder}
  size: {type: integer, default: 2}
  where: {type: string}
outputs:
  cleaned: {type: uri_file}
jobs:
  clean:
    type: command
    code: ../src
    compute: ${{parent.inputs.where}}
    command: python score.py ${{inputs.raw}} ${{inputs.size}} ${{outputs.table}}
    inputs:
      raw: ${{parent.inputs.raw}}
      size: ${{parent.inputs.size}}
    outputs:
      table: ${{parent.outputs.cleaned}}
"""


OUTER = """
type: pipeline
inputs:
  raw: {type: uri_folder, path: ./images}
jobs:
  prepare:
    type: pipeline
    component: ./parts/inner.yml
    inputs:
      raw: ${{parent.inputs.raw}}
      where: azureml:big
    outputs:
      cleaned:
  use:
    type: command
    code: ./src
    command: python score.py ${{inputs.table}}
    inputs: {table: '${{parent.jobs.prepare.outputs.cleaned}}'}
"""


def test_a_pipeline_that_is_a_job_is_laid_open():
    """Its jobs become steps, its inputs what was given for them, its outputs those of the jobs behind them."""
    made = imported(OUTER, {"parts/inner.yml": INNER})
    assert [step["name"] for step in made.spec["steps"]] == ["prepare-clean", "use"]
    clean = made.step("prepare-clean")
    assert clean["sideInputs"] == [{"name": "raw", "path": "$(params.raw)"}]
    assert clean["arguments"] == ["$(sideInputs.raw)", "2", "$(outputs.table)/table"]
    assert clean["computeTarget"] == "big"
    assert made.step("use")["sideInputs"] == [{"name": "table", "path": "$(steps.prepare-clean.outputs.table)/table"}]


def test_a_pipeline_s_jobs_may_be_those_of_its_component():
    made = imported(
        "type: pipeline\ncompute: big\ncomponent: parts/inner.yml\ninputs:\n"
        "  raw: {type: uri_folder, path: ./images}\n  where: big\n",
        {"parts/inner.yml": INNER},
    )
    assert [parameter["name"] for parameter in made.spec["parameters"]] == ["raw", "size", "where"]
    assert made.step("clean")["arguments"] == ["$(sideInputs.raw)", "$(params.size)", "$(outputs.table)/table"]
    assert (made.spec["computeTarget"], made.step("clean")["computeTarget"]) == ("big", "big")
    assert made.of("lost") == []
