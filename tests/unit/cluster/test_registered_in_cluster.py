"""`register`, `list KIND`, `show` and `get -o resolved`, against a real API server."""

from __future__ import annotations

import json

import yaml

from parallelrun.api import layout
from parallelrun.kube.names import Names
from parallelrun.kube.resources import DATASETS, DATASTORES, MODELS, PARALLEL_RUN_JOBS


def names(ask, namespace, resource):
    found, _ = ask(lambda kube: kube.list_objects(resource, namespace))
    return {one["metadata"]["name"]: one["spec"] for one in found}


def test_what_is_registered_is_an_object_that_list_and_show_find(call, ask, namespace):
    answer = call("register", "datastore", "mnist_data", "az://acct/data", "--secret", "key")
    assert (answer.code, answer.out) == (0, "mnist_data\n"), answer.err
    assert f"registered in namespace {namespace}, as datastores/mnist-data" in answer.err
    (spec,) = names(ask, namespace, DATASTORES).values()
    assert (spec["name"], spec["azureBlob"]["container"]) == ("mnist_data", "data")
    assert "mnist_data" in call("list", "datastores").out
    shown = yaml.safe_load(call("show", "datastore", "mnist_data").out)
    assert shown["metadata"] == {"name": "mnist-data", "namespace": namespace}
    assert "managedFields" not in shown["metadata"]


def test_versions_go_on_in_a_cluster_and_the_same_again_changes_nothing(call, ask, namespace):
    for path, version in (("pvc://m/1", "1"), ("pvc://m/2", "2"), ("pvc://m/2", "2")):
        assert call("register", "model", "mnist", path).out == f"mnist:{version}\n"
    assert set(names(ask, namespace, MODELS)) == {"mnist-1", "mnist-2"}


def test_an_object_made_by_hand_is_met_by_its_registered_name(call, ask, namespace):
    made = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "by-hand", "namespace": namespace},
        "spec": {"name": "mnist", "type": "File", "paths": ["a/"]},
    }
    ask(lambda kube: kube.create(made))
    assert call("register", "dataset", "mnist", "b/", "--version", "1").code == 2
    assert call("register", "dataset", "mnist", "b/", "--version", "1", "--overwrite").code == 0
    found = names(ask, namespace, DATASETS)
    assert {name: spec["paths"] for name, spec in found.items()} == {"by-hand": ["b/"]}


def test_what_only_the_api_server_knows_is_told_in_our_words(call):
    answer = call("register", "datastore", "lake", "pvc://Bad_Claim/x")
    assert answer.code == 2
    assert "Kubernetes name" in answer.err
    assert call("list", "datastores").err.startswith("There are no datastores in namespace team-")


def test_get_resolved_shows_a_job_with_what_it_began_with(call, manifest, ask, namespace):
    inputs = [{"name": "images", "dataset": "mnist"}]
    assert call("submit", manifest(inputs=inputs)).code == 0
    job = ask(lambda kube: kube.get(PARALLEL_RUN_JOBS, namespace, "mnist"))
    dataset = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "mnist-3"},
        "spec": {"name": "mnist", "version": "3", "type": "File", "paths": ["images/"]},
    }
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": Names.of("mnist", job["metadata"]["uid"]).settings, "namespace": namespace},
        "data": {layout.REGISTERED: json.dumps([dataset])},
    }
    ask(lambda kube: kube.create(settings))
    status = {"status": {"resolved": {"datasets": {"mnist": "3"}}}}
    ask(lambda kube: kube.patch(PARALLEL_RUN_JOBS, namespace, "mnist", status, "status"))
    assert "mnist:3" in call("get", "mnist", "-n", namespace).out
    shown = yaml.safe_load(call("get", "mnist", "-n", namespace, "-o", "resolved").out)
    assert shown["resolved"] == {"datasets": {"mnist": "3"}}
    assert shown["spec"]["inputs"] == [{"name": "images", "type": "File", "paths": ["images/"]}]
