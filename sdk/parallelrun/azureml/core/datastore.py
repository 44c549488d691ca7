"""``azureml.core.datastore``: places with data, registered by name."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import object_names
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.registry import NotRegistered
from parallelrun.azureml.backend.support import Refused, azure, say_once
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parallelrun.azureml.core.workspace import Workspace

_KIND = "Datastore"
_CLOUD = "core.windows.net"
#: Of a shell that has credentials of its own for Azure Blob Storage.
_SHELL = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_FOLDER = "Register a folder of a volume: kubectl apply a Datastore with spec.claim, or with spec.s3, spec.gcs, ..."
_REFERENCE = "Make a dataset of it: Dataset.File.from_files(datastore.path(...)).as_named_input(name).as_mount()"
_MEANINGLESS = "it has no meaning here, and changes nothing"


class Datastore:
    """A place with data under a name: a container, or a folder of a volume."""

    def __init__(self, workspace: Workspace, name: str | None = None) -> None:
        self.workspace = workspace
        self.name = name or workspace._default_datastore()
        try:
            self._spec: dict[str, Any] = dict(workspace._objects.find("Datastore", _KIND, self.name).document["spec"])
        except NotRegistered as error:
            raise UserErrorException(str(error)) from None

    @staticmethod
    @azure()
    def get(workspace: Workspace, datastore_name: str) -> Datastore:
        """The datastore of a name."""
        return AzureBlobDatastore(workspace, datastore_name)

    @staticmethod
    @azure()
    def get_default(workspace: Workspace) -> Datastore:
        """As workspace.get_default_datastore()."""
        return workspace.get_default_datastore()

    @staticmethod
    @azure(
        differs="Becomes a Datastore, and a Secret where a key or SAS token is given. Without either it is read "
        "without credentials, unless the shell has some (AZURE_STORAGE_ACCOUNT_KEY, AZURE_CLIENT_ID, ...).",
        refuses={
            "create_if_not_exists": "Make the container first: az storage container create.",
            "blob_cache_timeout": "Leave it out: nothing is cached between jobs.",
        },
        notes={
            "skip_validation": "nothing is validated before a job is planned",
            "subscription_id": _MEANINGLESS,
            "resource_group": _MEANINGLESS,
            "grant_workspace_access": _MEANINGLESS,
        },
    )
    def register_azure_blob_container(
        workspace: Workspace,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: str | None = None,
        account_key: str | None = None,
        protocol: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: int | None = None,
        grant_workspace_access: bool = False,
        subscription_id: str | None = None,
        resource_group: str | None = None,
    ) -> Datastore:
        """Register a container of Azure Blob Storage, or of an emulator (endpoint="host:port", protocol="http")."""
        place = {"account": account_name, "container": container_name}
        if (url := _endpoint(account_name, protocol or "https", endpoint or _CLOUD)) is not None:
            place["endpoint"] = url
        spec: dict[str, Any] = {"azureBlob": place}
        keys = {"accountKey": account_key, "sasToken": sas_token}
        given = {key: value for key, value in keys.items() if value}
        if given:
            spec["secretRef"] = {"name": f"{object_names.slug(datastore_name)}-key"}
        elif not any(name in os.environ for name in _SHELL):
            spec["anonymous"] = True
            say_once(f"datastore {datastore_name} is read without credentials: no account_key or sas_token was given")
        try:
            workspace._objects.register(_KIND, datastore_name, spec, overwrite=overwrite)
        except ManifestError as error:
            if overwrite or "registered already" not in error.message:
                raise
            raise UserErrorException(f"{error.message} Say overwrite=True to replace it.") from None
        if given:
            secret = {"name": spec["secretRef"]["name"]}
            workspace._objects.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": given})
        return Datastore.get(workspace, datastore_name)

    register_azure_file_share = Refused(f"Azure Files is mounted by Kubernetes, as a volume. {_FOLDER}")
    register_azure_data_lake = Refused(_FOLDER)
    register_azure_data_lake_gen2 = Refused(
        "Register its file system as a container: Datastore.register_azure_blob_container(...)."
    )
    register_azure_sql_database = Refused("Export the table to files first, Parquet say, and register these.")
    register_azure_postgre_sql = Refused("Export the table to files first, Parquet say, and register these.")
    register_azure_my_sql = Refused("Export the table to files first, Parquet say, and register these.")
    register_dbfs = Refused("Copy the files to a container or a volume first.")
    register_hdfs = Refused("Copy the files to a container or a volume first.")
    as_mount = Refused(_REFERENCE)
    as_download = Refused(_REFERENCE)
    as_upload = Refused("Write to a folder of the step's own: PipelineData(name) in its outputs and arguments.")

    @property
    def datastore_type(self) -> str:
        """AzureBlob of a container, else the kind of the place: Claim, S3, Gcs, Https."""
        place = next(key for key in ("azureBlob", "claim", "s3", "gcs", "https") if key in self._spec)
        return place[0].upper() + place[1:]

    @property
    def account_name(self) -> str:
        """The storage account, of a container."""
        return str((self._spec.get("azureBlob") or {}).get("account", ""))

    @property
    def container_name(self) -> str:
        """The container's name; of a volume, the claim's."""
        blob = self._spec.get("azureBlob") or {}
        return str(blob.get("container") or (self._spec.get("claim") or {}).get("name", ""))

    @azure(differs="Gives a DataPath, for Dataset.*.from_*.")
    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataPath:
        """A path in this datastore."""
        return DataPath(self, path, data_reference_name)

    @azure()
    def upload_files(
        self,
        files: Sequence[str],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Put files of this machine into the datastore, below target_path."""
        paths = [Path(file) for file in files]
        for path in paths:
            if not path.is_file():
                raise InputError(f"Datastore.upload_files: {path} is no file.", "Datastore.upload takes folders.")
        folders = [str(path.absolute().parent) for path in paths]
        root = Path(relative_root).absolute() if relative_root else Path(os.path.commonpath(folders))
        keys = [(path, _key(target_path, os.path.relpath(path.absolute(), root))) for path in paths]
        self.workspace._files.upload(self.name, keys, overwrite)
        return self.path(target_path)

    @azure()
    def upload(
        self, src_dir: str, target_path: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> DataPath:
        """Put a folder of this machine, with all below it, into the datastore."""
        self._upload_folder(Path(src_dir), target_path, None, overwrite)
        return self.path(target_path)

    def _upload_folder(self, folder: Path, target_path: str | None, pattern: str | None, overwrite: bool) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder.", "Name a folder of this machine.")
        found = [Path(at, name) for at, _, names in sorted(os.walk(folder)) for name in sorted(names)]
        chosen = [file for file in found if pattern is None or fnmatch.fnmatch(str(file.relative_to(folder)), pattern)]
        pairs = [(file, _key(target_path, str(file.relative_to(folder)))) for file in chosen]
        self.workspace._files.upload(self.name, pairs, overwrite)

    @azure(differs="prefix is a file or a folder, not the beginning of a name.")
    def download(
        self, target_path: str, prefix: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> int:
        """Fetch a file, or all below a folder, to target_path/prefix; how many files."""
        return self.workspace._files.download(self.name, prefix or "", Path(target_path), overwrite)

    @azure()
    def set_as_default(self) -> None:
        """As workspace.set_default_datastore(name)."""
        self.workspace.set_default_datastore(self.name)

    @azure()
    def unregister(self) -> None:
        """Forget the name; the data stay."""
        self.workspace._objects.delete(self.workspace._objects.find("Datastore", _KIND, self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, type={self.datastore_type!r}, of={self.container_name!r})"


class AzureBlobDatastore(Datastore):
    """As Datastore: what Datastore.get gives."""


def _key(target_path: str | None, below: str) -> str:
    return "/".join(part for part in ((target_path or "").strip("/"), below) if part)


def _endpoint(account: str, protocol: str, endpoint: str) -> str | None:
    """The account's URL where it is not that of Azure's public cloud; an emulator has the account in the path."""
    if "://" in endpoint:
        return endpoint
    if ":" in endpoint or endpoint.replace(".", "").isdigit() or endpoint == "localhost":
        return f"{protocol}://{endpoint}/{account}"
    return None if (protocol, endpoint) == ("https", _CLOUD) else f"{protocol}://{account}.blob.{endpoint}"
