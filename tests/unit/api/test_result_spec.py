"""What of a manifest results follow from."""

from __future__ import annotations

from typing import Any

import pytest

from parallelrun.api import shape
from parallelrun.api.models import ParallelRunJobSpec
from parallelrun.api.result_spec import LEFT_OUT, result_hash, result_spec

BASE: dict[str, Any] = {
    "source": {"directory": "code"},
    "entryScript": "score.py",
    "inputs": [{"name": "a", "type": "File", "paths": ["a/"]}],
    "outputs": [{"name": "o", "path": "there"}],
}


def spec(**changes: Any) -> ParallelRunJobSpec:
    return ParallelRunJobSpec.model_validate({**BASE, **changes}, by_alias=True, by_name=False)


@pytest.mark.parametrize(
    "change",
    [
        {"entryScript": "other.py"},
        {"arguments": ["--a"]},
        {"inputs": [{"name": "a", "type": "File", "paths": ["b/"]}]},
        {"sideInputs": [{"name": "a", "path": "a"}]},
        {"models": [{"name": "a", "path": "a"}]},
        {"miniBatchSize": 3},
        {"partitionKeys": ["a"]},
        {"output": {"format": "CSV"}},
        {"output": {"appendRowFileName": "a.txt"}},
        {"environment": {"pip": ["pillow"]}},
        {"environment": {"image": "a"}},
        {"environment": {"env": [{"name": "A", "value": "1"}]}},
        {"outputs": [{"name": "p", "path": "there"}]},
        {"runOnce": True, "inputs": []},
    ],
    ids=str,
)
def test_what_can_change_results_changes_the_hash(change):
    assert result_hash(spec(**change)) not in ("", result_hash(spec()))


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"claim": {"name": "a"}}},
        {"description": "a", "tags": {"a": "b"}, "experiment": "a", "loggingLevel": "DEBUG"},
        {"nodeCount": 3, "maxNodeCount": 5, "processCountPerNode": 4},
        {"errorThreshold": 3, "miniBatchErrorThreshold": 1, "allowedFailedPercent": 5},
        {"runInvocationTimeoutSeconds": 1, "runMaxTry": 7, "advanced": {"progressUpdateTimeoutSeconds": 3}},
        {"volume": {"claimName": "a"}, "resources": {"limits": {"cpu": 1}}, "nodeSelector": {"a": "b"}},
        {"rerunOf": {"name": "a"}, "reuseOf": ["a"], "ttlSecondsAfterFinished": 3},
        {"output": {"path": "elsewhere", "keepSegments": False}},
        {"outputs": [{"name": "o", "path": "elsewhere"}]},
        {"environment": {"imagePullPolicy": "Always", "imagePullSecrets": [{"name": "a"}]}},
    ],
    ids=str,
)
def test_what_cannot_change_them_does_not(change):
    assert result_hash(spec(**change)) == result_hash(spec())


def test_every_field_of_spec_either_counts_or_is_left_out_by_name():
    fields = set(shape.fields(ParallelRunJobSpec))
    assert fields > LEFT_OUT
    assert set(result_spec(spec())) == fields - LEFT_OUT


def test_the_job_s_name_counts_where_it_is_asked_for():
    assert result_hash(spec(), "a") == result_hash(spec(), "b")
    named = spec(arguments=["--name", "$(job.name)"])
    assert result_hash(named, "a") != result_hash(named, "b")


def test_variables_of_config_maps_count_by_their_values_and_where_these_are_not_known_nothing_can_be_told():
    asked = spec(environment={"envFrom": [{"configMapRef": {"name": "a"}}]})
    assert result_hash(asked) == ""
    assert result_hash(asked, "", {"A": "1"}) != result_hash(asked, "", {"A": "2"})
    given = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    assert result_hash(spec(environment={"env": [given]})) == ""
