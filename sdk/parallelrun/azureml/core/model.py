"""``azureml.core.model``: trained models, registered by name and version."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError
from parallelrun.api.registry import Entry, NotRegistered
from parallelrun.api.store_urls import below, datastore_of
from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.data.abstract_dataset import as_version
from parallelrun.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

_KIND = "Model"
_FOLDER = "models"
_SERVICE = "Web services are no part of this: run a job when there is data."
_ASIDE = "it is kept nowhere, and changes nothing"


class Model:
    """A registered model: a file or folder under a name and version."""

    @azure(
        refuses={
            "tags": "Name the model and version: Model(ws, name, version=...).",
            "properties": "Name the model and version: Model(ws, name, version=...).",
            "run_id": "Name the model and version: Model(ws, name, version=...).",
            "model_framework": "Name the model and version: Model(ws, name, version=...).",
        }
    )
    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: Any = None,
        expand: bool = True,
    ) -> None:
        if name is None:
            name, _, of_id = (id or "").partition(":")
            version = version or of_id or None
        try:
            found = workspace._objects.find("Model", _KIND, name, None if version is None else str(version))
        except NotRegistered as error:
            raise WebserviceException(f"ModelNotFound: {error}") from None
        self._take(workspace, found)

    def _take(self, workspace: Workspace, entry: Entry) -> None:
        self.workspace = workspace
        self._entry = entry
        self._spec: dict[str, Any] = dict(entry.document["spec"])
        self.name = entry.name
        self.version = as_version(entry.version)
        self.id = f"{entry.name}:{entry.version}"
        self.description = str(self._spec.get("description", ""))
        self.tags: dict[str, str] = dict(self._spec.get("tags") or {})

    @property
    def url(self) -> str:
        """Where its file or folder is."""
        return str(self._spec["path"])

    @staticmethod
    @azure(
        differs="The files go to models/NAME of the workspace's default datastore; the same again is the same version.",
        refuses={
            "child_paths": "Register each file or folder under a name of its own.",
            "datasets": "Say in description what it was trained with.",
        },
        notes={
            "properties": _ASIDE,
            "model_framework": _ASIDE,
            "model_framework_version": _ASIDE,
            "sample_input_dataset": _ASIDE,
            "sample_output_dataset": _ASIDE,
            "resource_configuration": _ASIDE,
        },
    )
    def register(
        workspace: Workspace,
        model_path: str,
        model_name: str,
        tags: Mapping[str, Any] | None = None,
        properties: Any = None,
        description: str | None = None,
        datasets: Any = None,
        model_framework: Any = None,
        model_framework_version: Any = None,
        child_paths: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> Model:
        """Register a file or folder of this machine, or a URL (datastore://..., az://..., azureml://...)."""
        said: dict[str, Any] = {"description": description} if description else {}
        said.update({"tags": {key: str(value) for key, value in tags.items()}} if tags else {})
        if "://" in model_path:
            path, digest = model_path, dict[str, str]()
        else:
            path, digest = _uploaded(workspace, Path(model_path), model_name)
        entry = workspace._objects.register(_KIND, model_name, {**said, "path": path, **digest})
        return _of(workspace, entry)

    @staticmethod
    @azure(differs="Outside of entry scripts the model is fetched into ./azureml-models, as Model.download does.")
    def get_model_path(model_name: str, version: int | str | None = None, _workspace: Workspace | None = None) -> str:
        """The path of a model's file or folder."""
        from parallelrun.azureml.core.workspace import Workspace

        try:
            model = Model(_workspace or Workspace.from_config(), model_name, version=version)
        except WebserviceException as error:
            raise ModelNotFoundException(error.message) from None
        place = model._place()
        return str(place) if place is not None else model.download(f"azureml-models/{model.name}/{model.version}", True)

    @staticmethod
    @azure(
        refuses={
            "tags": "Choose from the list: [m for m in Model.list(ws) if ...].",
            "properties": "Choose from the list: [m for m in Model.list(ws) if ...].",
            "run_id": "Choose from the list: [m for m in Model.list(ws) if ...].",
            "model_framework": "Choose from the list: [m for m in Model.list(ws) if ...].",
            "dataset_id": "Choose from the list: [m for m in Model.list(ws) if ...].",
        }
    )
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Any = None,
        properties: Any = None,
        run_id: Any = None,
        latest: bool = False,
        dataset_id: Any = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: Any = None,
    ) -> builtins.list[Model]:
        """All versions of all models, or of one; or only the newest of each."""
        objects = workspace._objects
        found = list(objects.newest(_KIND).values()) if latest else objects.all(_KIND)
        return [_of(workspace, entry) for entry in found if name in (None, entry.name)]

    @azure(refuses={"exists_ok": "It is called exist_ok."})
    def download(self, target_dir: str = ".", exist_ok: bool = False, exists_ok: bool | None = None) -> str:
        """Fetch it into a folder; its path there."""
        name = os.path.basename(self.url.rstrip("/"))
        target = Path(target_dir) / name
        if target.exists() and not exist_ok:
            raise WebserviceException(f"{target} is there already. Say exist_ok=True to replace it.")
        store = datastore_of(self.url)
        if store:
            below_store = self.url.partition("://")[2].partition("/")[2].strip("/")
            self.workspace._files.fetch_into(store, below_store, Path(target_dir))
        else:
            self.workspace._files.download_url(self.url, target if self.url.endswith("/") else Path(target_dir))
        return str(target)

    @azure()
    def delete(self) -> None:
        """Forget this version; its files stay."""
        self.workspace._objects.delete(self._entry)

    deploy = Refused(_SERVICE)
    deploy_from_model = Refused(_SERVICE)
    deploy_from_image = Refused(_SERVICE)
    package = Refused("Build an image with the model in it, and name it in environment.image.")
    profile = Refused(_SERVICE)
    add_tags = Refused("Register it again with the tags: Model.register(..., tags={...}).")
    update = Refused("Register it again: Model.register(..., tags={...}, description=...).")
    get_sas_urls = Refused("Fetch it: model.download(folder).")

    def _place(self) -> Path | None:
        store = datastore_of(self.url)
        below_store = self.url.partition("://")[2].partition("/")[2]
        return self.workspace._files.local(store, below_store) if store else None

    def __repr__(self) -> str:
        return f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version})"


def _of(workspace: Workspace, entry: Entry) -> Model:
    made = object.__new__(Model)
    made._take(workspace, entry)
    return made


def _uploaded(workspace: Workspace, path: Path, name: str) -> tuple[str, dict[str, str]]:
    """The URL of a model's copy, in a folder that its content names, and its checksum."""
    from parallelrun_agent.downloads import sha256_of

    if not path.exists():
        raise UserErrorException(f"Model.register: {path} does not exist.")
    digest = sha256_of(path)
    store = workspace._default_datastore()
    folder = f"{_FOLDER}/{name}/{digest[:12]}"
    if path.is_dir():
        files = [Path(at, one) for at, _, names in sorted(os.walk(path)) for one in sorted(names)]
        if not files:
            raise InputError(f"Model.register: {path} holds no file.", "Name the folder with the model's files.")
        base = path.resolve().name
        pairs = [(file, f"{folder}/{base}/{file.relative_to(path)}") for file in files]
    else:
        base = path.name
        pairs = [(path, f"{folder}/{base}")]
    workspace._files.upload(store, pairs, overwrite=True)
    return below(store, f"{folder}/{base}"), {"sha256": digest}
