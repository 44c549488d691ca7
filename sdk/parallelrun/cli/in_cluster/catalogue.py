"""What is registered in a namespace of a cluster."""

from __future__ import annotations

from typing import Any

from parallelrun.api.kinds import Kind
from parallelrun.api.models.metadata import GROUP, VERSION
from parallelrun.api.registry import Registry
from parallelrun.cli.registration import Registration
from parallelrun.cluster import submitting
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import Resource

#: Of metadata, what people wrote.
_WRITTEN = ("name", "namespace", "labels")


class Cluster:
    """The namespace of ``place``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._namespace = place.namespace or ""

    @property
    def name(self) -> str:
        """The namespace."""
        return f"namespace {self._namespace}"

    def registry(self, kind: Kind) -> Registry:
        """Of one kind. Raises KubeError."""

        async def work(kube: Kube) -> list[Json]:
            self._namespace = kube.namespace
            found, _ = await kube.list_objects(Resource(GROUP, VERSION, kind.plural, kind.name), kube.namespace)
            return found

        return Registry.of(map(_written, talk(self._place, work)))

    def put(self, made: Registration) -> str:
        """Server-side apply. Raises ManifestError and KubeError."""

        async def work(kube: Kube) -> Any:
            document = made.document
            document["metadata"] = {**document["metadata"], "namespace": kube.namespace}
            return await submitting.apply(kube, document)

        talk(self._place, work)
        return f"{self.name}, as {made.entry.kind.plural}/{made.entry.object_name}"


def _written(obj: Json) -> Json:
    """Without what only the API server needs."""
    metadata = {key: obj["metadata"][key] for key in _WRITTEN if obj["metadata"].get(key)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj.get("spec") or {}}
