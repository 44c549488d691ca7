"""Whatever a file says, it is in the report: no field is left out in silence, and no shape of a file is a crash."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from azure_yaml import imported
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parallelrun.api.errors import ManifestError

WHOLE = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
display_name: everything
description: All that a pipeline says
experiment_name: tests
compute: azureml:cpu-cluster
settings: {default_datastore: azureml:workspaceblobstore, continue_on_step_failure: true}
tags: {team: vision}
inputs:
  images: {type: uri_folder, path: ./images, mode: download}
  top: 5
outputs:
  scores: {type: uri_file, mode: rw_mount}
jobs:
  score:
    type: parallel
    display_name: Score
    compute: azureml:gpu
    inputs:
      images: {type: uri_folder, path: '${{parent.inputs.images}}', mode: ro_mount}
      labels: {type: uri_file, path: ./labels.txt}
      top: ${{parent.inputs.top}}
    outputs:
      scores: ${{parent.outputs.scores}}
      extra: {type: uri_folder, mode: upload}
    input_data: ${{inputs.images}}
    mini_batch_size: "10"
    resources: {instance_count: 2, instance_type: big}
    max_concurrency_per_instance: 2
    logging_level: DEBUG
    error_threshold: 3
    mini_batch_error_threshold: 5
    retry_settings: {max_retries: 2, timeout: 60}
    environment_variables: {A: b}
    task:
      type: run_function
      code: ./src
      entry_script: score.py
      environment: {name: prs, version: 1, image: ubuntu, conda_file: ./conda.yml}
      program_arguments: --top ${{inputs.top}} --labels ${{inputs.labels}} --extra ${{outputs.extra}}
      append_row_to: ${{outputs.scores}}
  read:
    type: command
    code: ./src
    command: python score.py ${{inputs.scores}}
    environment: azureml:own:1
    inputs: {scores: '${{parent.jobs.score.outputs.scores}}'}
    limits: {timeout: 60}
    resources: {instance_count: 1}
    services: {lab: {type: jupyter_lab}}
"""
CONDA = {"conda.yml": "dependencies: [python=3.8, {pip: [six]}]\n"}
FREE = ("tags", "inputs", "outputs", "jobs", "environment_variables", "services")  # whose keys are names of the user's
Path = tuple[str, ...]


def mappings(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where fields can be added that mean nothing."""
    if isinstance(value, dict):
        if not path or path[-1] not in FREE:
            yield path
        for key, child in value.items():
            yield from mappings(child, (*path, key))


def at(whole: dict[str, Any], path: Path) -> dict[str, Any]:
    for part in path:
        whole = whole[part]
    return whole


def test_the_whole_file_is_understood():
    made = imported(WHOLE, CONDA)
    assert [one.field for one in made.of("lost")] == ["jobs.read.environment"]


@pytest.mark.parametrize("path", list(mappings(yaml.safe_load(WHOLE))), ids=".".join)
def test_a_field_that_means_nothing_is_reported_wherever_it_stands(path):
    whole = yaml.safe_load(WHOLE)
    at(whole, path)["zzz"] = "unheard of"
    made = imported(yaml.safe_dump(whole), CONDA)
    told = [one for one in made.book.findings if "unheard of" in one.value and one.outcome != "mapped"]
    assert told, path


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    yield path


PATHS = [path for path in leaves(yaml.safe_load(WHOLE)) if path]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("a${}./:'@[]() \\", max_size=12)
    | st.sampled_from(["${{inputs.top}}", "${{parent.inputs.images}}", "azureml:x@latest", "${{outputs.scores}}"]),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.sampled_from("ab"), children, max_size=2),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PATHS), JSON), min_size=1, max_size=3))
def test_no_shape_of_a_file_is_a_crash(changes):
    """Fields with values that they cannot have: the import goes through, or is refused with a sentence."""
    whole = yaml.safe_load(WHOLE)
    for path, value in changes:
        try:
            at(whole, path[:-1])[path[-1]] = copy.deepcopy(value)
        except (KeyError, TypeError):
            continue
    with contextlib.suppress(ManifestError):
        imported(json.dumps(whole), CONDA)


ONLY_DESCRIBES = {"$schema", "type", "name", "version", "display_name", "description"}


def test_every_field_but_those_that_only_describe_is_in_the_report():
    told = {one.field for one in imported(WHOLE, CONDA).book.findings}
    fields = [
        path
        for path in PATHS
        if path[-1] not in ONLY_DESCRIBES and not isinstance(at(yaml.safe_load(WHOLE), path[:-1])[path[-1]], dict)
    ]
    assert len(fields) > 30
    missing = [path for path in fields if not {".".join(path[:end]) for end in range(1, len(path) + 1)} & told]
    assert missing == []
