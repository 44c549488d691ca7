"""What datasets of files and of tables have in common: where they are, which part of them, and their names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from parallelrun.api.errors import InputError
from parallelrun.api.settings import SubsetSettings
from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.data.datapath import DataPath
from parallelrun.azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from parallelrun.api.registry import Entry
    from parallelrun.azureml.core.workspace import Workspace

Json = dict[str, Any]
KIND = "Dataset"


class AbstractDataset:
    """A dataset: nothing is read before it is used. ``name`` and ``version`` are None until it is registered."""

    _type = ""

    def __init__(self, spec: Json, workspace: Workspace | None = None, entry: Entry | None = None) -> None:
        self._spec = spec
        self._workspace = workspace
        self._entry = entry

    @property
    def name(self) -> str | None:
        """The registered name."""
        return None if self._entry is None else self._entry.name

    @property
    def version(self) -> int | str | None:
        """The registered version, an int where it is a number."""
        return None if self._entry is None else as_version(self._entry.version)

    @property
    def id(self) -> str:
        """The name and version of a registered dataset, else a hash of what it is."""
        return self._reference() or f"unnamed-{self._digest()}"

    @property
    def description(self) -> str:
        """As registered."""
        return str(self._spec.get("description", ""))

    @property
    def tags(self) -> dict[str, str]:
        """As registered."""
        return dict(self._spec.get("tags") or {})

    @property
    def partition_keys(self) -> list[str]:
        """The names in partition_format."""
        import re

        found = re.findall(r"{([^{}:]+)(?::[^{}]*)?}", self._spec.get("partitionFormat") or "")
        return list(dict.fromkeys(found))

    @azure()
    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """This dataset as a step's input of that name."""
        return DatasetConsumptionConfig(name, self)

    @azure(
        differs="The same again under a name changes nothing; another is a new version, and create_new_version=False "
        "refuses it.",
    )
    def register(
        self,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Register it by a name; what is returned is the registered dataset."""
        self._require_reachable(workspace)
        spec = self._plain()
        spec.update({"description": description} if description else {})
        spec.update({"tags": dict(tags)} if tags else {})
        there = workspace._objects.newest(KIND).get(name)
        made = workspace._objects.register(KIND, name, spec)
        if there is not None and made.version != there.version and not create_new_version:
            workspace._objects.delete(workspace._objects.find(KIND, KIND, name, made.version))
            raise UserErrorException(
                f"Dataset {name!r} is registered already, as something else. Say create_new_version=True, or take "
                "another name."
            )
        return type(self)(self._spec_of(made), workspace, made)

    @staticmethod
    def _spec_of(entry: Entry) -> Json:
        return {key: value for key, value in entry.document["spec"].items() if key not in ("name", "version")}

    @azure()
    def unregister_all_versions(self) -> None:
        """Forget the name; the data stay."""
        assert self._workspace is not None
        for entry in self._workspace._objects.all(KIND):
            if entry.name == self.name:
                self._workspace._objects.delete(entry)
        self._entry = None

    @azure()
    def take(self, count: int) -> Self:
        """The first ``count`` files or rows."""
        return self._narrowed(SubsetSettings(take=count))

    @azure()
    def skip(self, count: int) -> Self:
        """All but the first ``count`` files or rows."""
        return self._narrowed(SubsetSettings(skip=count))

    @azure(differs="Another sample than Azure ML's, the same one every time; it is the last that can be chosen.")
    def take_sample(self, probability: float, seed: int | None = None) -> Self:
        """A part that is drawn at random."""
        return self._narrowed(SubsetSettings(sample=probability, seed=seed or 0))

    random_split = Refused("Take parts with take_sample(probability, seed), or with skip and take.")
    add_tags = Refused("Register it again with the tags: dataset.register(ws, name, tags={...}).")
    update = Refused("Register it again: dataset.register(ws, name, description=..., create_new_version=True).")
    get_partition_key_values = Refused("Read them: dataset.to_pandas_dataframe()[keys].drop_duplicates().")

    def _reference(self) -> str | None:
        """``name:version`` of a registered dataset."""
        return None if self._entry is None else f"{self._entry.name}:{self._entry.version}"

    def _registered_in(self, workspace: Workspace) -> str:
        """``name:version``; one without a name gets one that says what it is."""
        known = self._reference()
        if known is None:
            self._require_reachable(workspace)
            made = workspace._objects.register(KIND, f"unnamed-{self._digest()}", self._plain())
            known = f"{made.name}:{made.version}"
        return known

    def _inline(self) -> Json:
        """The fields of a job's input that mean this dataset."""
        if (known := self._reference()) is not None:
            return {"dataset": known}
        spec = self._plain()
        datastore = spec.pop("datastore", None)
        if datastore is not None:
            from parallelrun.api.store_urls import below

            spec["paths"] = [below(datastore, path) for path in spec["paths"]]
        return spec

    def _require_reachable(self, workspace: Workspace) -> None:
        """Raises InputError for files of this machine where jobs run in a cluster."""
        here = next((path for path in self._spec["paths"] if path.startswith("/")), None)
        if here is not None and "datastore" not in self._spec and workspace._settings.in_cluster:
            raise InputError(
                f"{self!r}: {here} is on this machine, and jobs run in a cluster.",
                "Upload it: datastore.upload(folder, target_path), and make the dataset of (datastore, target_path).",
            )

    def _plain(self) -> Json:
        return {key: value for key, value in self._spec.items() if key not in ("description", "tags")}

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self._plain(), sort_keys=True).encode()).hexdigest()[:12]

    def _narrowed(self, then: SubsetSettings) -> Self:
        from parallelrun_agent.plan.subsets import OutOfOrder, narrowed

        try:
            made = narrowed(_settings(self._spec.get("subset") or {}), then)
        except OutOfOrder as error:
            raise InputError(f"{self!r}: {error}.", "Choose in this order: filter, skip, take, take_sample.") from None
        return type(self)({**self._plain(), "subset": _subset(made)}, self._workspace)

    def __repr__(self) -> str:
        shown = self._reference() or ", ".join(self._spec["paths"])
        return f"{type(self).__name__}({shown})"


def as_version(text: str) -> int | str:
    """Versions are numbers there."""
    return int(text) if text.isdecimal() else text


def _settings(said: Json) -> SubsetSettings:
    sample = said.get("sample") or {}
    plain = {key: said[key] for key in ("include", "exclude", "where", "skip", "take") if key in said}
    return replace(SubsetSettings(**plain), sample=sample.get("fraction"), seed=sample.get("seed", 0))


def _subset(made: SubsetSettings) -> Json:
    said: Json = {key: list(value) for key in ("include", "exclude", "where") if (value := getattr(made, key))}
    said.update({"skip": made.skip} if made.skip else {})
    said.update({} if made.take is None else {"take": made.take})
    said.update({} if made.sample is None else {"sample": {"fraction": made.sample, "seed": made.seed}})
    return said


def located(what: str, path: Any) -> tuple[Json, Workspace | None]:
    """``paths``, and ``datastore`` where all are in one, of what ``from_files`` and its like take; and the workspace.

    ``path``: a DataPath, (datastore, path or paths), a URL, a path of this machine, or a list of these.
    """
    found: list[tuple[Any, str]] = []
    for one in path if isinstance(path, list) else [path]:
        found += _each(what, one)
    if not found:
        raise InputError(f"{what}: there is no path.", "Give a path, (datastore, path), or a list of these.")
    stores = {None if store is None else store.name for store, _ in found}
    workspace = next((store.workspace for store, _ in found if store is not None), None)
    if len(stores) == 1 and None not in stores:
        return {"datastore": stores.pop(), "paths": [text for _, text in found]}, workspace
    from parallelrun.api.store_urls import below

    return {"paths": [text if store is None else below(store.name, text) for store, text in found]}, workspace


def _each(what: str, one: Any) -> list[tuple[Any, str]]:
    if isinstance(one, DataPath):
        return [(one.datastore, _tidy(one.path_on_datastore))]
    if isinstance(one, tuple) and len(one) == 2:
        paths = one[1] if isinstance(one[1], list) else [one[1]]
        return [(one[0], _tidy(str(path))) for path in paths]
    if isinstance(one, str | os.PathLike):
        text = os.fspath(one)
        return [(None, text if "://" in text else str(Path(text).absolute()))]
    raise InputError(
        f"{what}: {one!r} is no path.", "Give a DataPath (datastore.path(...)), (datastore, path), a URL, or a list."
    )


def _tidy(path: str) -> str:
    return path.lstrip("/").removesuffix("/**").removesuffix("**") or "."
