"""Models: registered by name and version, as files and folders, and fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelrun.api.errors import InputError
from parallelrun.azureml.core import Model, Workspace
from parallelrun.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that is a folder."""
    (tmp_path / "mnist-model/below").mkdir(parents=True)
    (tmp_path / "mnist-model/a.meta").write_text("a")
    (tmp_path / "mnist-model/below/b.index").write_text("b")
    return tmp_path / "mnist-model"


def test_a_folder_is_registered_under_its_own_name_with_a_checksum(ws: Workspace, folder: Path) -> None:
    model = Model.register(
        workspace=ws,
        model_path="mnist-model/",
        model_name="mnist-prs",
        tags={"data": "mnist", "area": 1},
        description="d",
    )
    assert (model.name, model.version, model.id, model.tags, model.description) == (
        "mnist-prs", 1, "mnist-prs:1", {"data": "mnist", "area": "1"}, "d",
    )  # fmt: skip
    assert model.url.startswith("datastore://workspaceblobstore/models/mnist-prs/")
    assert model.url.endswith("/mnist-model")
    assert len(model._spec["sha256"]) == 64
    assert "version=1" in repr(model)


def test_the_same_again_is_the_same_version_and_another_is_the_next(ws: Workspace, folder: Path) -> None:
    for _ in range(2):
        assert Model.register(ws, "mnist-model", "m").version == 1
    (folder / "a.meta").write_text("changed")
    assert Model.register(ws, "mnist-model", "m").version == 2
    assert Model(ws, "m").version == 2
    assert Model(ws, name="m", version=1).version == 1
    assert Model(ws, id="m:1").version == 1
    assert [one.version for one in Model.list(ws, "m")] == [1, 2]
    assert [one.version for one in Model.list(ws, latest=True)] == [2]


def test_a_model_is_fetched_under_its_own_name(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_text("weights")
    path = Model.register(ws, "mnist-model", "m").download(target_dir="got")
    assert path == "got/mnist-model"
    assert (tmp_path / "got/mnist-model/below/b.index").read_text() == "b"
    assert Path(Model.register(ws, "model.pkl", "f").download("got", exist_ok=True)).read_text() == "weights"
    with pytest.raises(WebserviceException, match="exist_ok=True"):
        Model(ws, "m").download("got")


def test_its_path_is_that_of_its_file_or_folder(ws: Workspace, folder: Path) -> None:
    Model.register(ws, "mnist-model", "m")
    path = Path(Model.get_model_path("m", _workspace=ws))
    assert (path.name, (path / "a.meta").read_text()) == ("mnist-model", "a")
    assert Model.get_model_path("m", 1) == str(path)


def test_a_url_is_registered_as_it_is(ws: Workspace) -> None:
    assert Model.register(ws, "az://account/container/model/", "m").url == "az://account/container/model/"


def test_what_is_not_there_is_named(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WebserviceException, match=r"ModelNotFound[\s\S]*nosuch"):
        Model(ws, "nosuch")
    with pytest.raises(ModelNotFoundException, match="nosuch"):
        Model.get_model_path("nosuch", _workspace=ws)
    with pytest.raises(UserErrorException, match="nosuch-path does not exist"):
        Model.register(ws, "nosuch-path", "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no file"):
        Model.register(ws, "empty", "m")


def test_a_version_can_be_forgotten(ws: Workspace, folder: Path) -> None:
    Model.register(ws, "mnist-model", "m").delete()
    assert list(ws.models) == []
