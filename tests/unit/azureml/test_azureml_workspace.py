"""A workspace is a folder, or a namespace: what config.json says, and what is found in it by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallelrun.api.errors import ManifestError
from parallelrun.azureml.backend import settings
from parallelrun.azureml.core import Dataset, Datastore, Environment, Experiment, Model, Workspace
from parallelrun.azureml.core.compute import AmlCompute, ComputeTarget
from parallelrun.azureml.exceptions import UserErrorException

AZURE = {"subscription_id": "s-1", "resource_group": "rg", "workspace_name": "digits"}


def config(folder: Path, **ours: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**AZURE, **({"parallelrun": ours} if ours else {})}))


def test_without_config_it_is_the_current_folder(ws: Workspace, tmp_path: Path) -> None:
    assert (ws.name, ws.location, ws.subscription_id, ws.resource_group) == (tmp_path.name, "local", "", "")


@pytest.mark.parametrize("place", ["", ".azureml", "aml_config"])
def test_azures_own_config_is_found_from_a_folder_below_and_names_the_workspace(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    config(tmp_path / place)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    found = Workspace.from_config()
    assert (found.name, found.subscription_id, found.resource_group) == ("digits", "s-1", "rg")
    assert found.get_details()["folder"] == str(tmp_path / ".parallelrun")


def test_config_that_is_named_and_not_there_is_no_default(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match=r"no other\.json of a workspace"):
        Workspace.from_config(_file_name="other.json")


def test_config_says_which_cluster_is_meant(ws: Workspace, tmp_path: Path) -> None:
    config(tmp_path, target="cluster", namespace="scoring", context="kind-x")
    found = settings.load(settings.find())
    assert (found.in_cluster, found.namespace, found.context) == (True, "scoring", "kind-x")


def test_the_shell_says_more_than_config(ws: Workspace, tmp_path: Path) -> None:
    config(tmp_path, target="cluster")
    assert settings.load(settings.find(), {"PARALLELRUN_TARGET": "local"}).target == "local"


@pytest.mark.parametrize(("ours", "named"), [({"tagret": "local"}, "parallelrun.tagret"), ({"target": "moon"}, "moon")])
def test_what_config_says_wrongly_is_named(ws: Workspace, tmp_path: Path, ours: dict[str, str], named: str) -> None:
    config(tmp_path, **ours)
    with pytest.raises(ManifestError, match=named):
        Workspace.from_config()


def test_config_is_written_where_it_is_found(ws: Workspace, tmp_path: Path) -> None:
    Workspace("s-2", "rg", "other").write_config()
    assert Workspace.from_config().name == "other"
    assert Workspace.get("named").name == "named"
    assert "other" in repr(Workspace.from_config())


def test_what_is_registered_is_found_by_name(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    Dataset.File.from_files((store, "a/")).register(ws, "files_ds")
    Path("model.txt").write_text("weights")
    Model.register(ws, "model.txt", "m")
    Environment("e").register(ws)
    assert ws.get_default_compute_target() is None
    ComputeTarget.create(ws, "c", AmlCompute.provisioning_configuration("STANDARD_D2_V2"))
    assert list(ws.datasets) == ["files_ds"]
    assert ws.datasets["files_ds"].version == 1
    assert ws.models["m"].name == "m"
    assert list(ws.environments) == ["e"]
    assert ws.compute_targets["c"].name == "c"
    assert ws.get_default_compute_target().name == "c"  # type: ignore[union-attr]
    assert "nosuch" not in ws.compute_targets
    assert list(ws.datastores) == ["workspaceblobstore"]


def test_any_name_is_an_experiment_and_none_was_used(ws: Workspace) -> None:
    assert ws.experiments["digits"].name == "digits"
    assert list(ws.experiments) == []
    assert Experiment.list(ws) == []
    assert list(Experiment(ws, "digits").get_runs()) == []


def test_another_datastore_can_be_the_default_and_then_another(ws: Workspace) -> None:
    for name in ("first_store", "second_store"):
        Datastore.register_azure_blob_container(ws, name, "c", "account", account_key="a2V5")
    ws.set_default_datastore("first_store")
    Datastore.get(ws, "second_store").set_as_default()
    assert ws.get_default_datastore().name == "second_store"
    assert Datastore.get_default(ws).name == "second_store"


def test_a_datastore_that_is_not_registered_is_named(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="nosuch"):
        Datastore.get(ws, "nosuch")
