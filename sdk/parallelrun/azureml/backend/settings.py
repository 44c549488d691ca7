"""Where a workspace is: a folder here, and the machine or the cluster that its runs go to.

``config.json`` is Azure's own file; what is ours in it is the object ``parallelrun``::

    {"workspace_name": "...", "subscription_id": "...", "resource_group": "...",
     "parallelrun": {"target": "cluster", "namespace": "scoring", "context": "kind-x", "claim": "parallelrun"}}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.models.pod import DEFAULT_CLAIM
from parallelrun.cluster.place import Place

TARGET = "PARALLELRUN_TARGET"
PACKAGES = "PARALLELRUN_PACKAGES"
FOLDER = ".parallelrun"
LOCAL, CLUSTER = "local", "cluster"
INSTALLED, PRESENT = "install", "present"
_OURS = "parallelrun"
_PLACES = (".azureml", "aml_config", "")
_CONFIG = "config.json"


@dataclass(frozen=True)
class Settings:
    """What ``config.json`` and the shell say."""

    name: str
    subscription_id: str = ""
    resource_group: str = ""
    folder: Path = Path(FOLDER)  # what is registered, and the local volumes
    target: str = LOCAL
    namespace: str | None = None
    context: str | None = None
    claim: str = DEFAULT_CLAIM  # the volume of a cluster that the default datastore is on
    packages: str = INSTALLED  # of a local run: INSTALLED, or PRESENT: this Python's as they are

    @property
    def in_cluster(self) -> bool:
        """Whether runs go to a cluster."""
        return self.target == CLUSTER

    @property
    def place(self) -> Place:
        """The cluster and namespace."""
        return Place(self.namespace, self.context)

    @property
    def registered(self) -> Path:
        """The folder with what is registered, of a local workspace."""
        return self.folder / "registered"

    @property
    def volumes(self) -> Path:
        """The folder whose subfolders stand for claims, of a local workspace."""
        return self.folder / "volumes"

    @property
    def pipelines(self) -> Path:
        """The folder with the manifests that pipelines become."""
        return self.folder / "pipelines"


def find(path: str | Path | None = None, file_name: str | None = None) -> Path | None:
    """Azure's ``config.json``: in ``path`` or the folders above it, as Azure's own SDK looks for it; None: nowhere."""
    start = Path(path or ".").absolute()
    if start.is_file():
        return start
    for folder in (start, *start.parents):
        for place in _PLACES:
            candidate = folder / place / (file_name or _CONFIG)
            if candidate.is_file() and "workspace_name" in _read(candidate):
                return candidate
    return None


def load(config: Path | None, shell: Mapping[str, str] = os.environ) -> Settings:
    """As ``config`` says; None: a workspace of the current folder. The shell's variables count more.

    Raises ManifestError.
    """
    said: dict[str, Any] = {} if config is None else _read(config)
    base = Path.cwd() if config is None else _base(config)
    ours = said.get(_OURS) or {}
    known = ("target", "namespace", "context", "folder", "claim", "packages")
    for key in ours:
        if key not in known:
            raise ManifestError(f"{config}: parallelrun.{key} is not known.", hints.known("key", key, known))
    return Settings(
        name=str(said.get("workspace_name") or base.name),
        subscription_id=str(said.get("subscription_id") or ""),
        resource_group=str(said.get("resource_group") or ""),
        folder=base / ours.get("folder", FOLDER),
        target=_one_of(TARGET, shell.get(TARGET) or ours.get("target") or LOCAL, (LOCAL, CLUSTER)),
        namespace=ours.get("namespace"),
        context=ours.get("context"),
        claim=ours.get("claim") or DEFAULT_CLAIM,
        packages=_one_of(PACKAGES, shell.get(PACKAGES) or ours.get("packages") or INSTALLED, (INSTALLED, PRESENT)),
    )


def _base(config: Path) -> Path:
    return config.parent.parent if config.parent.name in _PLACES else config.parent


def _one_of(where: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ManifestError(f"{where} is {value!r}.", f"It is one of: {', '.join(allowed)}.")
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ManifestError(f"{path} is no JSON: {error}.", "It is the file that Azure's portal gives out.") from None
    return value if isinstance(value, dict) else {}
