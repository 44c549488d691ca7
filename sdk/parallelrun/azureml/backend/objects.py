"""What is registered in a workspace: YAML files in its folder, or the objects of a cluster's namespace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parallelrun.api.kinds import BY_NAME, Kind
from parallelrun.api.registry import Entry
from parallelrun.azureml.backend.settings import Settings
from parallelrun.azureml.backend.threads import elsewhere
from parallelrun.cli import registration
from parallelrun.cli.catalogue import Catalogue, Folder
from parallelrun.local import registered

Json = dict[str, Any]


class Objects:
    """The registered objects of one workspace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._where: Catalogue
        if settings.in_cluster:
            from parallelrun.cli.in_cluster.catalogue import Cluster

            self._where = Cluster(settings.place)
        else:
            self._where = Folder(settings.registered)

    def all(self, kind: str) -> list[Entry]:
        """Every object of a kind, in the order of names and versions. Raises ManifestError and KubeError."""
        return elsewhere(self._where.registry, BY_NAME[kind]).all(kind)

    def find(self, where: str, kind: str, name: str, version: str | None = None) -> Entry:
        """The object of a name, of the highest version where none is said. Raises NotRegistered."""
        return elsewhere(self._where.registry, BY_NAME[kind]).find(where, kind, name, version)

    def newest(self, kind: str) -> dict[str, Entry]:
        """By name, the highest version of each."""
        return {entry.name: entry for entry in self.all(kind)}

    def register(self, kind: str, name: str, spec: Json, version: str | None = None, overwrite: bool = False) -> Entry:
        """Register ``spec`` as ``name``, as the next version where it is new. Raises ManifestError."""
        what: Kind = BY_NAME[kind]

        def work() -> Entry:
            made = registration.decide(self._where.registry(what), what, name, spec, version, overwrite)
            if made.what != registration.UNCHANGED:
                self._where.put(made)
            return made.entry

        return elsewhere(work)

    def delete(self, entry: Entry) -> None:
        """Take an object out."""
        if not self._settings.in_cluster:
            for one in self.all(entry.kind.name):
                if one.object_name == entry.object_name:
                    Path(one.where).unlink()
            return
        from parallelrun.cluster.session import talk
        from parallelrun.kube.client import Kube
        from parallelrun.kube.resources import Resource

        async def work(kube: Kube) -> None:
            resource = Resource(
                entry.document["apiVersion"].split("/")[0], "v1alpha1", entry.kind.plural, entry.kind.name
            )
            await kube.delete(resource, kube.namespace, entry.object_name)

        elsewhere(talk, self._settings.place, work)

    def secrets(self, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The Secrets of these names, as far as they can be read: of a cluster with the user's own rights."""
        if not self._settings.in_cluster:
            return registered.of_folders([self._settings.registered]).secrets
        from parallelrun.cluster.session import talk
        from parallelrun.kube.client import Kube
        from parallelrun.kube.errors import KubeError
        from parallelrun.kube.resources import Resource

        async def work(kube: Kube) -> list[Json]:
            found = []
            for name in names:
                with contextlib.suppress(KubeError):  # what is missing is said where it is needed
                    found.append(await kube.get(Resource("", "v1", "secrets", "Secret"), kube.namespace, name))
            return found

        return [{**one, "kind": "Secret"} for one in elsewhere(talk, self._settings.place, work)]

    def apply(self, document: Json) -> None:
        """Have a Secret beside what is registered; of a local workspace, no part of a Git repository."""
        if not self._settings.in_cluster:
            import yaml

            folder = self._settings.registered
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{document['kind'].lower()}-{document['metadata']['name']}.yaml"
            (folder / ".gitignore").write_text("secret-*.yaml\n", encoding="utf-8")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                yaml.safe_dump(document, file, sort_keys=False)
            return
        from parallelrun.cluster import submitting
        from parallelrun.cluster.session import talk
        from parallelrun.kube.client import Kube

        async def work(kube: Kube) -> Any:
            named = {**document["metadata"], "namespace": kube.namespace}
            return await submitting.apply(kube, {**document, "metadata": named})

        elsewhere(talk, self._settings.place, work)
