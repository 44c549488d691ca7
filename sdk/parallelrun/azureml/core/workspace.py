"""``azureml.core.workspace``: what is registered, and where runs go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.kinds import BY_NAME
from parallelrun.azureml.backend import settings as configuration
from parallelrun.azureml.backend.files import Files
from parallelrun.azureml.backend.objects import Objects
from parallelrun.azureml.backend.settings import Settings
from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from parallelrun.azureml.core.compute import AmlCompute
    from parallelrun.azureml.core.datastore import Datastore
    from parallelrun.azureml.core.environment import Environment
    from parallelrun.azureml.core.experiment import Experiment
    from parallelrun.azureml.core.model import Model
    from parallelrun.azureml.data.abstract_dataset import AbstractDataset

DEFAULT_DATASTORE = "workspaceblobstore"
_AUTH = "Leave it out: a local workspace needs no login, and a cluster is reached as kubectl reaches it."


class Named(Mapping[str, Any]):
    """What is registered of a kind, by name; each is looked up when it is asked for."""

    def __init__(self, names: Callable[[], list[str]], get: Callable[[str], Any]) -> None:
        self._names = names
        self._get = get

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        return self._get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: ...' for name in self)}}}"


class Workspace:
    """A folder with what is registered by name, or a namespace of a cluster."""

    @azure(
        differs="It is a folder, .parallelrun beside config.json, or a namespace of the current kube context.",
        refuses={"auth": _AUTH},
    )
    def __init__(
        self,
        subscription_id: str = "",
        resource_group: str = "",
        workspace_name: str = "",
        auth: Any = None,
        _settings: Settings | None = None,
    ) -> None:
        found = _settings or configuration.load(configuration.find())
        self._settings = found
        self._said = {
            "name": workspace_name or found.name,
            "subscription_id": subscription_id or found.subscription_id,
            "resource_group": resource_group or found.resource_group,
        }
        self._objects = Objects(found)
        self._files = Files(found, self._objects)

    @classmethod
    @azure(
        differs="Without config.json it is a workspace of the current folder; what is ours in config.json is its "
        "object parallelrun: target, namespace, context, claim.",
        refuses={"auth": _AUTH},
    )
    def from_config(
        cls, path: str | None = None, auth: Any = None, _logger: Any = None, _file_name: str | None = None
    ) -> Workspace:
        """The workspace of the nearest config.json."""
        found = configuration.find(path, _file_name)
        if found is None and (path is not None or _file_name is not None):
            raise UserErrorException(
                f"There is no {_file_name or 'config.json'} of a workspace in {path or '.'} or above it."
            )
        return cls(_settings=configuration.load(found))

    @staticmethod
    @azure(differs="As Workspace(...).", refuses={"auth": _AUTH, "cloud": "Leave it out: there is no cloud to choose."})
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str = "",
        resource_group: str = "",
        location: Any = None,
        cloud: str = "AzureCloud",
        id: Any = None,
    ) -> Workspace:
        """A workspace by its name."""
        return Workspace(subscription_id, resource_group, name)

    create = Refused(
        "Workspace.from_config() makes a workspace of the current folder; for a cluster make a namespace, with kubectl "
        "create namespace."
    )
    list = Refused("There is one workspace for each folder, or namespace of a cluster: Workspace.from_config().")
    setup = Refused("Workspace.from_config() needs no setup.")
    get_default_keyvault = Refused(
        "Put credentials into a Secret of the namespace, and name it in Datastore.spec.secretRef or in "
        "environment.env[].valueFrom.secretKeyRef."
    )
    get_run = Refused("Open a run by its folder or name: parallelrun.Run.open(folder), parallelrun.Run.get(name).")
    webservices = Refused("Web services are no part of this: run a job when there is data.")
    linked_services = Refused("There are none: register each thing by itself.")

    @property
    def name(self) -> str:
        """Its name: as config.json says, else that of the folder."""
        return self._said["name"]

    @property
    def subscription_id(self) -> str:
        """As config.json says."""
        return self._said["subscription_id"]

    @property
    def resource_group(self) -> str:
        """As config.json says."""
        return self._said["resource_group"]

    @property
    def location(self) -> str:
        """Where runs go: local, or the namespace of the cluster."""
        return self._settings.namespace or self._settings.target

    @azure()
    def get_details(self) -> dict[str, Any]:
        """Names and places."""
        return {"name": self.name, "location": self.location, "folder": str(self._settings.folder), **self._said}

    @azure()
    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Write config.json, where from_config finds it."""
        folder = Path(path or ".") / ".azureml"
        folder.mkdir(parents=True, exist_ok=True)
        ours = {key: getattr(self._settings, key) for key in ("target", "namespace", "context", "claim")}
        said = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
            "parallelrun": {key: value for key, value in ours.items() if value is not None},
        }
        (folder / (file_name or "config.json")).write_text(json.dumps(said, indent=4) + "\n", encoding="utf-8")

    @azure(
        differs="A folder of the volume, pvc://parallelrun/workspaceblobstore; here .parallelrun/volumes/parallelrun."
    )
    def get_default_datastore(self) -> Datastore:
        """The datastore that data are in when no other is named."""
        from parallelrun.azureml.core.datastore import AzureBlobDatastore

        return AzureBlobDatastore(self, self._default_datastore())

    @azure()
    def set_default_datastore(self, name: str) -> None:
        """Let another registered datastore be the default."""
        from parallelrun.azureml.core.datastore import Datastore

        chosen = Datastore.get(self, name).name
        for one in self._objects.all("Datastore"):
            spec = {key: value for key, value in one.document["spec"].items() if key != "name"}
            tags = {key: value for key, value in (spec.pop("tags", None) or {}).items() if key != _DEFAULT}
            if one.name == chosen:
                tags[_DEFAULT] = "true"
            self._objects.register("Datastore", one.name, {**spec, "tags": tags} if tags else spec, overwrite=True)

    def _default_datastore(self) -> str:
        entries = self._objects.newest("Datastore")
        marked = [name for name, entry in entries.items() if _DEFAULT in (entry.document["spec"].get("tags") or {})]
        if marked:
            return marked[-1]
        if DEFAULT_DATASTORE not in entries:
            place = {"name": self._settings.claim, "path": DEFAULT_DATASTORE}
            self._objects.register("Datastore", DEFAULT_DATASTORE, {"claim": place})
        return DEFAULT_DATASTORE

    @property
    def datastores(self) -> Mapping[str, Datastore]:
        """Those that are registered, by name."""
        from parallelrun.azureml.core.datastore import Datastore

        self._default_datastore()
        return self._named("Datastore", lambda name: Datastore.get(self, name))

    @property
    def datasets(self) -> Mapping[str, AbstractDataset]:
        """The newest version of each, by name."""
        from parallelrun.azureml.core.dataset import Dataset

        return self._named("Dataset", lambda name: Dataset.get_by_name(self, name))

    @property
    def models(self) -> Mapping[str, Model]:
        """The newest version of each, by name."""
        from parallelrun.azureml.core.model import Model

        return self._named("Model", lambda name: Model(self, name))

    @property
    def environments(self) -> Mapping[str, Environment]:
        """The newest version of each, by name."""
        from parallelrun.azureml.core.environment import Environment

        return self._named("Environment", lambda name: Environment.get(self, name))

    @property
    def compute_targets(self) -> Mapping[str, AmlCompute]:
        """Those that are registered, by name."""
        from parallelrun.azureml.core.compute import AmlCompute

        return self._named("ComputeTarget", lambda name: AmlCompute(self, name))

    @cached_property
    def experiments(self) -> Mapping[str, Experiment]:
        """Any name is an experiment; listed are those that runs were submitted to."""
        from parallelrun.azureml.core.experiment import Experiment, Experiments

        return Experiments(self, Experiment)

    @azure(differs="The only registered one.")
    def get_default_compute_target(self, type: str = "CPU") -> AmlCompute | None:
        """The compute target that is meant where none is named."""
        targets = list(self.compute_targets.values())
        return targets[0] if len(targets) == 1 else None

    def _named(self, kind: str, get: Callable[[str], Any]) -> Named:
        assert kind in BY_NAME
        return Named(lambda: list(self._objects.newest(kind)), get)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, location={self.location!r}, folder={str(self._settings.folder)!r})"
        )


_DEFAULT = "default"
