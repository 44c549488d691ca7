"""Datastores: containers and folders of volumes, as our objects; files go up and down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun.api.errors import InputError
from parallelrun.azureml.backend import support
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.core import Datastore, Workspace
from parallelrun.azureml.exceptions import UserErrorException


def document(ws: Workspace, name: str) -> Any:
    return yaml.safe_load((ws._settings.registered / name).read_text())


def test_a_container_becomes_a_datastore_by_a_name_that_kubernetes_would_refuse(
    ws: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    store = Datastore.register_azure_blob_container(
        ws, datastore_name="mnist_datastore", container_name="sampledata", account_name="pipelinedata", overwrite=True
    )
    assert (store.name, store.datastore_type, store.account_name, store.container_name) == (
        "mnist_datastore", "AzureBlob", "pipelinedata", "sampledata",
    )  # fmt: skip
    made = document(ws, "datastore-mnist-datastore.yaml")
    assert made["metadata"] == {"name": "mnist-datastore"}
    assert made["spec"] == {
        "name": "mnist_datastore",
        "azureBlob": {"account": "pipelinedata", "container": "sampledata"},
        "anonymous": True,
    }
    assert "without credentials" in capsys.readouterr().err
    assert Datastore(ws, "mnist_datastore").name == Datastore.get(ws, "mnist_datastore").name


def test_a_key_becomes_a_secret_that_only_its_owner_can_read(ws: Workspace) -> None:
    Datastore.register_azure_blob_container(ws, "mine", "c", "a", account_key="a2V5")
    assert document(ws, "datastore-mine.yaml")["spec"]["secretRef"] == {"name": "mine-key"}
    secret = ws._settings.registered / "secret-mine-key.yaml"
    assert yaml.safe_load(secret.read_text())["stringData"] == {"accountKey": "a2V5"}
    assert secret.stat().st_mode & 0o077 == 0
    assert (ws._settings.registered / ".gitignore").read_text() == "secret-*.yaml\n"


def test_another_place_under_a_name_needs_overwrite(ws: Workspace) -> None:
    Datastore.register_azure_blob_container(ws, "mine", "c", "a", account_key="a2V5")
    with pytest.raises(UserErrorException, match="overwrite=True"):
        Datastore.register_azure_blob_container(ws, "mine", "other", "a", account_key="a2V5")
    changed = Datastore.register_azure_blob_container(ws, "mine", "other", "a", account_key="a2V5", overwrite=True)
    assert changed.container_name == "other"


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({}, None),
        ({"endpoint": "core.windows.net"}, None),
        ({"endpoint": "core.chinacloudapi.cn"}, "https://acc.blob.core.chinacloudapi.cn"),
        ({"endpoint": "127.0.0.1:10000", "protocol": "http"}, "http://127.0.0.1:10000/acc"),
        ({"endpoint": "http://azurite:10000/acc"}, "http://azurite:10000/acc"),
    ],
)
def test_the_endpoint_is_that_of_a_cloud_or_of_an_emulator(
    ws: Workspace, given: dict[str, str], endpoint: str | None
) -> None:
    Datastore.register_azure_blob_container(ws, "mine", "c", "acc", account_key="a2V5", **given)
    assert document(ws, "datastore-mine.yaml")["spec"]["azureBlob"].get("endpoint") == endpoint


def test_files_go_up_and_down_and_stay_unless_they_may_be_replaced(
    ws: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ws.get_default_datastore()
    (tmp_path / "in/below").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("a")
    (tmp_path / "in/below/b.txt").write_text("b")
    assert store.upload("in", "data").path_on_datastore == "data"
    (tmp_path / "in/a.txt").write_text("changed")
    store.upload("in", "data")
    assert "data/a.txt is there already" in capsys.readouterr().err
    assert store.download("out", prefix="data") == 2
    assert (tmp_path / "out/data/a.txt").read_text() == "a"
    assert (tmp_path / "out/data/below/b.txt").read_text() == "b"
    store.upload("in", "data", overwrite=True)
    assert store.download("out", "data/a.txt", True) == 1
    assert (tmp_path / "out/data/a.txt").read_text() == "changed"


def test_named_files_go_up_below_their_common_folder_or_the_one_that_is_named(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "in/below").mkdir(parents=True)
    for name in ("in/a.txt", "in/below/b.txt"):
        (tmp_path / name).write_text(name)
    store = ws.get_default_datastore()
    store.upload_files(["in/a.txt", "in/below/b.txt"], None, "x", True, False)
    store.upload_files([str(tmp_path / "in/below/b.txt")], relative_root="in", target_path="y")
    root = ws._files.local(store.name)
    assert root is not None
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*.txt")) == [
        "x/a.txt",
        "x/below/b.txt",
        "y/below/b.txt",
    ]


def test_bytes_that_are_the_same_leave_a_file_as_it_is(ws: Workspace, tmp_path: Path) -> None:
    """Its time of change is what a step's reuse goes by."""
    (tmp_path / "a.txt").write_text("a")
    store = ws.get_default_datastore()
    store.upload_files(["a.txt"])
    there = ws._files.local(store.name, "a.txt")
    assert there is not None
    before = there.stat().st_ino
    store.upload_files(["a.txt"], overwrite=True)
    assert there.stat().st_ino == before


def test_what_is_not_there_is_named(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    with pytest.raises(InputError, match=r"nosuch\.txt is no file"):
        store.upload_files(["nosuch.txt"])
    with pytest.raises(InputError, match="has no nosuch"):
        store.download("out", "nosuch")


def test_a_path_is_for_datasets_and_no_reference(ws: Workspace) -> None:
    path = ws.get_default_datastore().path("a/b.txt", data_reference_name="b")
    assert (path.path_on_datastore, path.data_reference_name) == ("a/b.txt", "b")
    with pytest.raises(NotAvailableHere, match=r"DataPath\.as_mount"):
        path.as_mount()


def test_a_datastore_can_be_forgotten(ws: Workspace) -> None:
    Datastore.register_azure_blob_container(ws, "mine", "c", "a", account_key="a2V5").unregister()
    assert "mine" not in ws.datastores


def test_what_changes_nothing_is_accepted_and_said_once(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        Datastore.register_azure_blob_container(
            ws, "mine", "c", "a", account_key="a2V5", skip_validation=True, overwrite=True
        )
    assert capsys.readouterr().err.count("skip_validation=True") == 1
    assert support._said
