"""What a run on this machine needs to read a dataset: folders that stand for claims, and what is registered.

Of a workspace in a cluster, the files of claims are fetched, and what is registered is written into a folder first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import store_urls
from parallelrun.api.models.datastore import DATASTORE, DatastoreSpec
from parallelrun.api.registry import typed
from parallelrun.cli.catalogue import as_yaml

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace
    from parallelrun.azureml.data.abstract_dataset import AbstractDataset


@dataclass(frozen=True)
class Staged:
    """An input of a job, and what it needs."""

    input: Mapping[str, Any]
    register: list[Path] = field(default_factory=list)
    maps: dict[str, str] = field(default_factory=dict)


def staged(dataset: AbstractDataset, scratch: Path) -> Staged:
    """``dataset`` as an input of a job on this machine; ``scratch``: an empty folder for what is fetched."""
    workspace = dataset._workspace
    assert workspace is not None
    if not workspace._settings.in_cluster:
        folder = workspace._settings.registered
        return Staged(dataset._inline(), [folder] if folder.is_dir() else [], workspace._files.maps())
    register = scratch / "registered"
    register.mkdir()
    datastores = [dict(entry.document) for entry in workspace._objects.all(DATASTORE)]
    (register / "datastores.yaml").write_text(as_yaml(datastores) + "\n", encoding="utf-8")
    spec = dataset._plain()
    plain = type(dataset)(spec, workspace)._inline()
    return Staged(plain, [register], _fetched(workspace, plain["paths"], scratch / "volumes"))


def _fetched(workspace: Workspace, paths: list[str], volumes: Path) -> dict[str, str]:
    """What is on claims, fetched into folders below ``volumes``; the folder of each claim."""
    maps: dict[str, str] = {}
    for path in paths:
        name = store_urls.datastore_of(path)
        claim = typed(workspace._objects.find("datastore", DATASTORE, name), DatastoreSpec).claim if name else None
        if claim is None:
            continue
        folder, _ = store_urls.literal_folder(path)
        below = folder.partition("://")[2].partition("/")[2]
        root = volumes / claim.name
        workspace._files.download(name, below, root / claim.path, overwrite=True)
        maps[f"pvc://{claim.name}"] = str(root)
    return maps
