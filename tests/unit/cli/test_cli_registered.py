"""`register`, `list KIND`, `show`, `validate --register` and `get -o resolved`, with files in the cluster's place."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun.api import exit_codes, object_names
from parallelrun.api.errors import ManifestError
from parallelrun.cli import registering
from parallelrun.cli.main import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in an empty folder, without a cluster: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return main(list(words)), *capfd.readouterr()

    return run


@pytest.fixture
def register(call: Call) -> Callable[..., dict[str, Any]]:
    """Registers something in the folder "reg"; the object."""

    def run(*words: str) -> dict[str, Any]:
        code, out, err = call("register", *words, "--to", "reg")
        assert code == exit_codes.DONE, err
        shown = yaml.safe_load(call("show", words[0], out.strip(), "--register", "reg")[1])
        assert isinstance(shown, dict)
        return shown

    return run


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (
            [
                "datastore",
                "lake",
                "az://acct/data/raw/",
                "--secret",
                "key",
                "--read-only",
                "--endpoint",
                "http://x/acct",
            ],
            {
                "readOnly": True,
                "azureBlob": {"account": "acct", "container": "data", "prefix": "raw", "endpoint": "http://x/acct"},
                "secretRef": {"name": "key"},
            },
        ),
        (["datastore", "a", "s3://b/x/y", "--region", "eu"], {"s3": {"bucket": "b", "prefix": "x/y", "region": "eu"}}),
        (["datastore", "a", "gs://b", "--anonymous"], {"gcs": {"bucket": "b"}, "anonymous": True}),
        (["datastore", "a", "https://host/data/"], {"https": {"url": "https://host/data"}}),
        (["datastore", "a", "pvc://claim/folder/"], {"claim": {"name": "claim", "path": "folder"}}),
        (
            ["datastore", "a", "wasbs://c@acct.blob.core.windows.net/p"],
            {"azureBlob": {"account": "acct", "container": "c", "prefix": "p"}},
        ),
        (["dataset", "d", "a/*.png", "b/"], {"version": "1", "type": "File", "paths": ["a/*.png", "b/"]}),
        (
            [
                *["dataset", "d", "a/", "--datastore", "lake", "--type", "Tabular", "--version", "7", "--no-header"],
                *[
                    "--separator",
                    ";",
                    "--where",
                    "a >= 1.5",
                    "--where",
                    "b in x, 2",
                    "--where",
                    "c isNull",
                    "--take",
                    "5",
                ],
                *["--sample", "0.5", "--seed", "3", "--exclude", "*.tmp", "--tag", "team=x", "--description", "rows"],
            ],
            {
                "version": "7",
                "description": "rows",
                "tags": {"team": "x"},
                "type": "Tabular",
                "datastore": "lake",
                "paths": ["a/"],
                "table": {"separator": ";", "header": False},
                "subset": {
                    "exclude": ["*.tmp"],
                    "where": [
                        {"column": "a", "op": ">=", "value": 1.5},
                        {"column": "b", "op": "in", "values": ["x", 2]},
                        {"column": "c", "op": "isNull"},
                    ],
                    "take": 5,
                    "sample": {"fraction": 0.5, "seed": 3},
                },
            },
        ),
        (
            ["model", "m", "pvc://models/m", "--sha256", "a" * 64],
            {"version": "1", "path": "pvc://models/m", "sha256": "a" * 64},
        ),
        (
            ["environment", "e", "--image", "x:1", "--pip", "a==1", "--pip", "b", "--env", "A=1=2"],
            {"version": "1", "image": "x:1", "pip": ["a==1", "b"], "env": [{"name": "A", "value": "1=2"}]},
        ),
        (
            [
                *["compute", "c", "--request", "cpu=2", "--limit", "memory=4Gi", "--gpus", "1", "--max-nodes", "3"],
                *["--node-selector", "pool=gpu", "--toleration", "gpu", "--toleration", "a=b:NoSchedule", "--spot"],
                *["--queue", "q", "--claim", "fast", "--priority-class", "low", "--service-account", "s"],
            ],
            {
                "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi", "nvidia.com/gpu": 1}},
                "nodeSelector": {"pool": "gpu"},
                "tolerations": [
                    {"key": "gpu", "operator": "Exists"},
                    {"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"},
                ],
                "priorityClassName": "low",
                "serviceAccountName": "s",
                "maxNodes": 3,
                "queueName": "q",
                "spot": True,
                "volume": {"claimName": "fast"},
            },
        ),
    ],
    ids=lambda words: " ".join(words[:3]) if isinstance(words, list) else "",
)
def test_what_is_typed_is_what_is_registered(register: Callable[..., Any], words: list[str], spec: Any) -> None:
    found = register(*words)["spec"]
    found.pop("name", None)
    assert found == spec


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["datastore", "a"], "Give the URL of the place"),
        (["datastore", "a", "images/"], "is no place for a datastore"),
        (["datastore", "a", "az://account"], "az://account/container/path"),
        (["datastore", "a b", "s3://b"], "made of letters"),
        (["datastore", "a", "pvc://c", "--secret", "k"], "a claim has no credentials"),
        (["datastore", "a", "s3://b", "--gpus", "1"], "--gpus is for compute, not for datastore"),
        (["datastore", "a", "s3://b", "--version", "2"], "a datastore has no versions"),
        (["dataset", "d"], "Which files?"),
        (["dataset", "d", "a/", "--where", "Store"], "this is no condition"),
        (["dataset", "d", "a/", "--where", "a == 1"], "files have no columns"),
        (["model", "m", "a", "b"], "there is 2 words"),
        (["environment", "e", "x"], "nothing comes after the name"),
        (["compute", "c", "--request", "cpu"], "--request cpu: this is not NAME=VALUE"),
        (["computer", "c"], "invalid choice: 'computer'"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(call: Call, words: list[str], said: str) -> None:
    code, out, err = call("register", *words, "--to", "reg")
    assert (code, out) == (exit_codes.NOT_STARTED, "")
    assert said in err
    assert not Path("reg").exists()


def test_a_dry_run_prints_the_object_and_does_nothing_else(call: Call) -> None:
    code, out, _ = call("register", "model", "my_model", "pvc://models/m", "--dry-run")
    assert code == exit_codes.DONE
    assert yaml.safe_load(out) == {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Model",
        "metadata": {"name": "my-model-1"},
        "spec": {"name": "my_model", "version": "1", "path": "pvc://models/m"},
    }
    assert os.listdir() == []


def test_something_else_is_the_next_version_and_the_same_again_is_none(call: Call) -> None:
    words = ["register", "model", "mnist", "--to", "reg"]
    assert call(*words, "pvc://m/1")[1] == "mnist:1\n"
    assert call(*words, "pvc://m/2")[1] == "mnist:2\n"
    code, out, err = call(*words, "pvc://m/2")
    assert (code, out) == (exit_codes.DONE, "mnist:2\n")
    assert "unchanged" in err
    assert sorted(os.listdir("reg")) == ["model-mnist-1.yaml", "model-mnist-2.yaml"]


def test_what_is_registered_is_replaced_only_where_that_is_said(call: Call) -> None:
    call("register", "datastore", "lake", "s3://a", "--to", "reg")
    code, _, err = call("register", "datastore", "lake", "s3://b", "--to", "reg")
    assert code == exit_codes.NOT_STARTED
    assert 'Datastore lake is registered already: spec.s3.bucket was "a", now "b".' in err
    assert "--overwrite" in err
    assert call("register", "datastore", "lake", "s3://b", "--to", "reg", "--overwrite")[0] == exit_codes.DONE
    assert "bucket: b" in Path("reg/datastore-lake.yaml").read_text()


def test_two_names_never_share_an_object(register: Callable[..., Any]) -> None:
    first, second = (register("datastore", name, "s3://b")["metadata"]["name"] for name in ("my-lake", "my_lake"))
    assert first == "my-lake"
    assert second == object_names.other_slug("my_lake")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("mnist_datastore", "mnist-datastore"),
        ("MNIST.v2", "mnist.v2"),
        ("a..b", "a.b"),
        ("_x_", "x"),
        ("mnist-prs", "mnist-prs"),
    ],
)
def test_an_object_is_named_by_a_slug(name: str, slug: str) -> None:
    assert object_names.slug(name) == slug
    assert len(object_names.slug(name * 20)) <= 63


def test_an_object_in_a_file_with_others_is_not_written_a_second_time(call: Call) -> None:
    Path("reg").mkdir()
    call("register", "datastore", "lake", "s3://a", "--to", "reg")
    Path("reg/datastore-lake.yaml").rename("reg/all.yaml")
    code, _, err = call("register", "datastore", "lake", "s3://b", "--to", "reg", "--overwrite")
    assert code == exit_codes.NOT_STARTED
    assert "is in reg/all.yaml" in err


def test_lists_are_tables_or_names(register: Callable[..., Any], call: Call) -> None:
    register("dataset", "mnist", "a/*.png", "b/", "--datastore", "lake")
    register("dataset", "mnist", "c/", "--version", "10")
    register("dataset", "mnist", "d/", "--version", "9")
    out = call("list", "datasets", "--register", "reg")[1]
    assert [line.split() for line in out.splitlines()] == [
        ["NAME", "VERSION", "TYPE", "DATASTORE", "PATHS"],
        ["mnist", "1", "File", "lake", "a/*.png,", "b/"],
        ["mnist", "9", "File", "-", "d/"],
        ["mnist", "10", "File", "-", "c/"],
    ]
    assert call("list", "datasets", "--register", "reg", "-o", "name")[1] == "mnist:1\nmnist:9\nmnist:10\n"
    code, out, err = call("list", "models")
    assert (code, err) == (exit_codes.DONE, "There are no models in the files here.\n")
    Path("deep").mkdir()
    Path("reg/dataset-mnist-9.yaml").rename("here.yaml")
    Path("reg/dataset-mnist-10.yaml").rename("deep/there.yaml")
    assert call("list", "datasets", "-o", "name")[1] == "mnist:9\n"


def test_show_takes_a_version_and_tells_what_there_is(register: Callable[..., Any], call: Call) -> None:
    register("model", "mnist", "pvc://m/1")
    register("model", "mnist", "pvc://m/2")
    assert json.loads(call("show", "model", "mnist:1", "--register", "reg", "-o", "json")[1])["spec"]["version"] == "1"
    assert call("show", "model", "mnist", "--register", "reg", "-o", "name")[1] == "mnist-2\n"
    code, _, err = call("show", "model", "mnist:3", "--register", "reg")
    assert code == exit_codes.NOT_STARTED
    assert "There is: 1, 2." in err


def test_a_condition_s_values_are_read_as_yaml_reads_them() -> None:
    assert registering.condition("a b != true") == {"column": "a b", "op": "!=", "value": True}
    assert registering.condition("a<='x y'") == {"column": "a", "op": "<=", "value": "x y"}
    assert registering.condition("a notIn 1") == {"column": "a", "op": "notIn", "values": [1]}
    with pytest.raises(ManifestError):
        registering.condition("a like b")


JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: mnist}
spec:
  source: {directory: code}
  entryScript: score.py
  inputs:
  - {name: images, dataset: mnist}
  miniBatchSize: 1
"""


@pytest.fixture
def job(tmp_path: Path, call: Call) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    (tmp_path / "images").mkdir()
    for number in range(3):
        (tmp_path / f"images/{number}.png").touch()
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def test_validate_remarks_on_a_name_that_may_be_in_the_cluster(job: Path, call: Call) -> None:
    code, out, err = call("validate", "job.yaml")
    assert (code, out) == (exit_codes.DONE, "job.yaml: ok\n")
    assert 'there is no Dataset registered as "mnist". It may be in the cluster.' in err


def test_validate_with_folders_checks_what_is_named_and_where_it_is(
    job: Path, call: Call, register: Callable[..., Any]
) -> None:
    assert call("validate", "job.yaml", "--register", str(job / "code"))[0] == exit_codes.NOT_STARTED
    register("dataset", "mnist", "images/", "--datastore", "lake")
    code, _, err = call("validate", "job.yaml", "--register", "reg")
    assert code == exit_codes.NOT_STARTED
    assert 'spec.inputs[0].paths[0]: there is no Datastore registered as "lake"' in err
    register("datastore", "lake", "s3://b")
    assert call("validate", "job.yaml", "--register", "reg")[:2] == (exit_codes.DONE, "job.yaml: ok\n")
    sets = ["--set", "spec.output.path=https://x/y"]
    assert "output" in call("validate", "job.yaml", "--register", "reg", *sets)[2]


def test_validate_checks_files_of_registered_objects_too(call: Call, register: Callable[..., Any]) -> None:
    register("model", "mnist", "pvc://m/1")
    file = Path("reg/model-mnist-1.yaml")
    assert call("validate", str(file))[:2] == (exit_codes.DONE, f"{file}: ok\n")
    file.write_text(file.read_text().replace("path:", "pth:"))
    code, out, err = call("validate", str(file))
    assert (code, out) == (exit_codes.NOT_STARTED, "")
    assert f"{file}:8: spec.pth" in err
    assert "did you mean path?" in err


def test_get_shows_what_a_run_took_from_what_is_registered(job: Path, call: Call, register: Callable[..., Any]) -> None:
    register("dataset", "mnist", "images/*.png", "--take", "2")
    code, _, err = call("run", "job.yaml", "--register", "reg", "--output", "out")
    assert code == exit_codes.DONE, err
    assert len(Path("out/parallel_run_step.txt").read_text().splitlines()) == 2
    register("dataset", "mnist", "other/")
    assert ["datasets", "mnist:1"] in [line.split() for line in call("get", "out")[1].splitlines()]
    shown = yaml.safe_load(call("get", "out", "-o", "resolved")[1])
    assert shown["resolved"] == {"datasets": {"mnist": "1"}}
    assert shown["metadata"] == {"name": "mnist"}
    assert shown["spec"]["inputs"] == [
        {"name": "images", "type": "File", "paths": ["images/*.png"], "subset": {"take": 2}}
    ]
