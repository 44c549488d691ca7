"""What agents are told of a job in a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from builders import UID, a_job

from parallelrun.api.errors import ManifestError
from parallelrun.api.settings import JobSettings
from parallelrun_operator.config import Config
from parallelrun_operator.job.settings import Resolved, resolve

SHARED = "/parallelrun/claims/parallelrun"


def resolved(**spec: Any) -> Resolved:
    return resolve(a_job(**spec), Config())


def refusal(**spec: Any) -> str:
    with pytest.raises(ManifestError) as caught:
        resolved(**spec)
    return str(caught.value)


def test_settings_name_paths_inside_pods_and_travel_as_json() -> None:
    found = resolved(
        inputs=[{"name": "images", "type": "File", "paths": ["images/*.png"], "partitionFormat": "{Store}.png"}],
        sideInputs=[{"name": "labels", "path": "labels.txt"}],
        models=[{"name": "digits", "path": "model/"}],
        outputs=[{"name": "trained", "path": "trained/"}, {"name": "far", "path": "pvc://results/far"}],
        output={"path": "out", "format": "CSV", "csv": {"separator": ";"}},
        nodeCount=2,
        maxNodeCount=100,
        errorThreshold=7,
    )
    settings = found.settings
    assert (settings.name, settings.namespace, settings.uid) == ("mnist", "team", UID)
    assert settings.inputs[0].paths == [f"{SHARED}/images/*.png"]
    assert settings.inputs[0].root == f"{SHARED}/images"
    assert settings.inputs[0].partition_format == "{Store}.png"
    assert settings.side_inputs == {"labels": f"{SHARED}/labels.txt"}
    assert [(one.name, one.path) for one in settings.models] == [("digits", f"{SHARED}/model")]
    assert settings.outputs == {"trained": "/parallelrun/job/trained", "far": "/parallelrun/claims/results/far"}
    assert (settings.output.path, settings.output.format, settings.output.csv_separator) == (
        f"{SHARED}/out",
        "CSV",
        ";",
    )
    assert (settings.node_count, settings.node_limit, settings.limits.error_threshold) == (2, 100, 7)
    assert (settings.source, settings.in_pod, settings.python) == ("/parallelrun/source", True, None)
    assert JobSettings.from_json(json.loads(found.settings_files["settings.json"])) == settings


def test_references_stand_for_paths_in_pods_in_arguments_and_variables() -> None:
    found = resolved(
        inputs=[
            {"name": "one", "type": "File", "paths": ["images/"]},
            {"name": "glob", "type": "File", "paths": ["more/*.png"]},
            {"name": "two", "type": "File", "paths": ["a/b", "a/c/*.png"]},
        ],
        sideInputs=[{"name": "labels", "path": "configmap://lists/labels.txt"}],
        models=[{"name": "m", "path": "model"}],
        outputs=[{"name": "o", "path": "trained"}],
        arguments=["$(inputs.one)", "$(inputs.glob)", "$(inputs.two)", "$(models.m)", "$$(x)"],
        environment={
            "env": [
                {"name": "LABELS", "value": "$(sideInputs.labels):$(outputs.o)"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "EMPTY"},
            ]
        },
    )
    assert found.settings.arguments == [
        *(f"{SHARED}/{path}" for path in ("images", "more", "a", "model")),
        "$(x)",
    ]
    assert found.environment == ("/parallelrun/configmaps/lists/labels.txt:/parallelrun/job/trained", None, "")
    assert found.settings.environment == {}  # a Secret's value must not end up in a ConfigMap


def test_an_unknown_reference_in_a_variable_is_refused_in_the_words_of_a_local_run() -> None:
    message = refusal(environment={"env": [{"name": "A", "value": "$(sideInputs.x)"}]})
    assert "spec.environment.env[0].value: $(sideInputs.x) refers to nothing in this manifest." in message


@pytest.mark.parametrize(
    ("limits", "gpus"),
    [({}, []), ({"nvidia.com/gpu": 2}, ["0", "1"]), ({"amd.com/gpu": "1", "memory": "1Gi"}, ["0"])],
)
def test_gpus_are_numbered_from_zero_as_a_container_sees_them(limits: dict[str, Any], gpus: list[str]) -> None:
    assert resolved(resources={"limits": limits}).settings.gpus == gpus


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"source": {"directory": "./code"}}, "spec.source.directory"),
        ({"resources": {"limits": {"nvidia.com/gpu": "1500m"}}}, "nvidia.com/gpu is '1500m'"),
    ],
)
def test_what_this_version_cannot_do_is_refused_with_what_to_do_instead(spec: dict[str, Any], said: str) -> None:
    message = refusal(**spec)
    assert said in message
    assert "\n" in message


def test_a_job_that_runs_another_one_s_manifest_wholly_again_is_a_job_like_any_other() -> None:
    assert resolved(rerunOf={"name": "mnist-1", "failedOnly": False}).settings.retry_failures_below == 0


def test_what_the_models_refuse_is_said_as_validate_says_it_all_at_once() -> None:
    message = refusal(nodeCount=0, entryScript="../x.py", errorTreshold=3)
    assert message.startswith("mnist: 3 problems")
    assert "mnist: spec.nodeCount: 0\n    should be greater than or equal to 1" in message
    assert "unknown field; did you mean errorThreshold?" in message
    assert "entryScript must be a relative path without '..'" in message


def test_what_the_api_server_adds_to_a_job_is_no_problem() -> None:
    job = a_job(status={"phase": "Running"}, labels={"team": "vision"})
    job["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "selfLink": "/x", "somethingNew": 1}
    assert resolve(job, Config()).model.metadata.labels == {"team": "vision"}


def test_job_yaml_is_the_manifest_as_it_was_applied() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "first"}
    text = resolved(annotations=notes, nodeCount=3).settings_files["job.yaml"]
    value = yaml.safe_load(text)
    assert value["metadata"] == {"name": "mnist", "namespace": "team", "annotations": {"note": "first"}}
    assert value["spec"] == a_job(nodeCount=3)["spec"]


def test_the_hash_of_the_spec_is_that_of_what_cannot_change() -> None:
    first, scaled, other = resolved(), resolved(nodeCount=5, suspend=True), resolved(runMaxTry=2)
    assert first.settings.spec_hash == scaled.settings.spec_hash != other.settings.spec_hash


def test_settings_that_no_config_map_holds_are_refused() -> None:
    message = refusal(arguments=["x" * 4000] * 300)
    assert "the cluster's limit for them is 1000000" in message


def test_what_pods_cannot_start_without_is_listed_and_secrets_are_not() -> None:
    found = resolved(
        inputs=[{"name": "x", "type": "File", "paths": ["pvc://data/x", "configmap://tiny"]}],
        serviceAccountName="scoring",
        environment={
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "k", "optional": True}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "c", "key": "k"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "d"}}, {"configMapRef": {"name": "e", "optional": True}}],
        },
    )
    assert set(found.needs) == {
        ("PersistentVolumeClaim", "parallelrun"),
        ("PersistentVolumeClaim", "data"),
        ("ServiceAccount", "scoring"),
        *(("ConfigMap", name) for name in ("mnist-code", "tiny", "a", "d")),
    }
