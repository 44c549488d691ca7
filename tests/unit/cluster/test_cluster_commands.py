"""Commands on jobs, against a real API server: what is stored, what is said, and with which exit code."""

from __future__ import annotations

import json

import pytest
import yaml

from parallelrun.kube.resources import CONFIG_MAPS, PARALLEL_RUN_JOBS


@pytest.fixture
def stored(ask, namespace):
    """Objects of a kind in the test's namespace, by name."""

    def read(resource):
        found, _ = ask(lambda kube: kube.list_objects(resource, namespace))
        return {one["metadata"]["name"]: one for one in found if one["metadata"]["name"] != "kube-root-ca.crt"}

    return read


@pytest.fixture
def ended(ask, namespace):
    """Says what an operator would of a job that has ended."""

    def end(name, kind="Complete", reason="Done", phase="Done"):
        condition = {"type": kind, "status": "True", "reason": reason, "message": "so it was"}
        condition["lastTransitionTime"] = "2026-01-31T12:00:00Z"
        status = {"phase": phase, "conditions": [condition]}
        ask(lambda kube: kube.patch(PARALLEL_RUN_JOBS, namespace, name, {"status": status}, "status"))

    return end


def test_a_submission_packs_its_folder_which_goes_with_the_job(call, manifest, stored):
    answer = call("submit", manifest())
    assert (answer.code, answer.out) == (0, "mnist\n"), answer.err
    job = stored(PARALLEL_RUN_JOBS)["mnist"]
    name = job["spec"]["source"]["configMap"]["name"]
    (owner,) = stored(CONFIG_MAPS)[name]["metadata"]["ownerReferences"]
    assert owner["uid"] == job["metadata"]["uid"]
    assert "directory" not in job["spec"]["source"]


def test_submitting_again_changes_nothing_and_says_so(call, manifest, stored):
    call("submit", manifest())
    before = stored(PARALLEL_RUN_JOBS)["mnist"]["metadata"]["generation"]
    assert "unchanged" in call("submit", manifest()).err
    assert stored(PARALLEL_RUN_JOBS)["mnist"]["metadata"]["generation"] == before
    assert "changed" in call("submit", manifest(), "--set", "spec.nodeCount=3").err


def test_what_may_not_change_is_refused_with_field_and_rule(call, manifest):
    call("submit", manifest())
    answer = call("submit", manifest(), "--set", "spec.errorThreshold=7")
    assert answer.code == 2
    assert "spec" in answer.err
    assert "another name" in answer.err


def test_with_generate_name_each_submission_is_a_job_of_its_own(call, manifest, stored):
    names = {call("submit", manifest(metadata={"generateName": "mnist-"})).out.strip() for _ in range(2)}
    assert len(names) == 2
    assert set(stored(PARALLEL_RUN_JOBS)) == names


def test_other_documents_are_applied_too(call, manifest, stored):
    texts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "texts"}, "data": {"a": "one"}}
    assert call("submit", manifest(texts)).code == 0
    assert stored(CONFIG_MAPS)["texts"]["data"] == {"a": "one"}


def test_a_kind_that_the_cluster_does_not_know_is_named(call, manifest, stored):
    answer = call("submit", manifest({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}))
    assert answer.code == 2
    assert "no Thing of example.com/v1" in answer.err
    assert stored(PARALLEL_RUN_JOBS) == {}


@pytest.mark.parametrize("where", ["client", "server"])
def test_a_dry_run_stores_nothing(call, manifest, stored, where):
    answer = call("submit", manifest(), f"--dry-run={where}", "-o", "yaml")
    assert answer.code == 0, answer.err
    assert [one["kind"] for one in yaml.safe_load_all(answer.out)] == ["ConfigMap", "ParallelRunJob"]
    assert stored(PARALLEL_RUN_JOBS) == {}
    assert stored(CONFIG_MAPS) == {}


def test_a_namespace_that_contradicts_the_manifest_is_refused(call, manifest):
    path = manifest(metadata={"name": "mnist", "namespace": "other"})
    assert "metadata.namespace" in call("submit", path, "-n", "team").err


def test_list_and_get_tell_of_jobs(call, manifest, namespace):
    call("submit", manifest())
    assert call("list", "-n", namespace, "-o", "name").out == "mnist\n"
    assert "Pending" in call("get", "mnist").out
    assert json.loads(call("get", "prj/mnist", "-o", "json").out)["kind"] == "ParallelRunJob"


def test_a_job_that_is_not_there_is_named_with_its_namespace(call, namespace):
    answer = call("get", "nosuch")
    assert answer.code == 2
    assert f'no job "nosuch" in namespace {namespace}' in answer.err


@pytest.mark.parametrize(
    ("command", "field", "value"),
    [("suspend", "suspend", True), ("resume", "suspend", False), ("cancel", "cancel", True)],
)
def test_steering_sets_the_spec(call, manifest, stored, command, field, value):
    call("submit", manifest())
    assert call(command, "mnist").code == 0
    assert stored(PARALLEL_RUN_JOBS)["mnist"]["spec"][field] is value


def test_a_job_that_is_over_cannot_be_steered(call, manifest, ended):
    call("submit", manifest())
    ended("mnist")
    answer = call("suspend", "mnist")
    assert answer.code == 2
    assert "is over" in answer.err


@pytest.mark.parametrize(
    ("kind", "reason", "phase", "code"),
    [
        ("Complete", "Done", "Done", 0),
        ("Failed", "InitFailed", "Aborted", 1),
        ("Failed", "InputError", "Aborted", 2),
        ("Failed", "ManifestError", "Aborted", 2),
    ],
)
def test_wait_ends_with_the_jobs_exit_code(call, manifest, ended, kind, reason, phase, code):
    call("submit", manifest())
    ended("mnist", kind, reason, phase)
    answer = call("wait", "mnist", "--timeout", 50)
    assert (answer.code, answer.out) == (code, f"{phase}\n")
    assert call("watch", "mnist").code == code


def test_wait_gives_up_in_time(call, manifest):
    call("submit", manifest())
    assert call("wait", "mnist", "--timeout", 0.2).code == 124


def test_wait_for_a_condition(call, manifest, ended):
    call("submit", manifest())
    ended("mnist")
    assert call("wait", "mnist", "--for", "complete").out == "Complete\n"
    assert call("wait", "mnist", "--for", "Failed").code == 1
    assert "no such condition" in call("wait", "mnist", "--for", "Happy").err


def test_a_rerun_is_a_new_job_that_shares_the_source(call, manifest, stored, ended):
    call("submit", manifest())
    assert "not over" in call("rerun", "mnist").err
    ended("mnist")
    assert call("rerun", "mnist", "--failed", "--set", "spec.runMaxTry=5").out == "mnist-rerun-1\n"
    assert call("rerun", "mnist").out == "mnist-rerun-2\n"
    again = stored(PARALLEL_RUN_JOBS)["mnist-rerun-1"]["spec"]
    assert again["rerunOf"] == {"name": "mnist", "failedOnly": True}
    assert again["runMaxTry"] == 5
    owners = stored(CONFIG_MAPS)[again["source"]["configMap"]["name"]]["metadata"]["ownerReferences"]
    assert {owner["name"] for owner in owners} == {"mnist", "mnist-rerun-1", "mnist-rerun-2"}


def test_delete_says_where_the_files_stay(call, manifest, stored):
    call("submit", manifest())
    answer = call("delete", "mnist")
    assert answer.code == 0
    assert "its files stay on claim parallelrun" in answer.err
    assert stored(PARALLEL_RUN_JOBS) == {}


def test_files_of_a_job_that_never_began_are_said_not_to_be_there(call, manifest):
    call("submit", manifest())
    for command in ("results", "failures"):
        answer = call(command, "mnist")
        assert answer.code == 2
        assert "Pending" in answer.err


def test_the_doctor_looks_at_the_cluster(call):
    findings = {one["subject"]: one for one in json.loads(call("doctor", "-o", "json").out)}
    assert findings["cluster"]["verdict"] == "ok"
    assert findings["ParallelRunJob"]["verdict"] == "ok"
    assert findings["rights"]["verdict"] == "ok"
    assert findings["operator"]["verdict"] == "bad"


def test_a_cluster_that_does_not_answer_is_said(call, monkeypatch, tmp_path):
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "users": [{"name": "it", "user": {"token": "x"}}],
        "clusters": [{"name": "it", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }  # fmt: skip
    (tmp_path / "config").write_text(json.dumps(config))
    answer = call("get", "mnist", "--kubeconfig", tmp_path / "config")
    assert answer.code == 2
    assert "does not answer" in answer.err


def test_a_right_that_is_missing_is_named_with_verb_and_resource(call, api_server, ask, namespace):
    """As a service account with no rights at all."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": namespace}}
    ask(lambda kube: kube.create(account))
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/nobody/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = ask(lambda kube: kube.request("POST", path, {}, request))["status"]["token"]
    config = api_server.kubeconfig(token, namespace)
    answer = call("cancel", "mnist", "--kubeconfig", config)
    assert answer.code == 2
    assert f"may not get parallelrunjobs.parallelrun.dev in namespace {namespace}" in answer.err
    assert "parallelrun-job-viewer" in answer.err
