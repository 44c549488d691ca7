"""The registered objects (Datastores, Datasets, Models, ...) that a job is resolved with.

They are listed when a job begins that names some, and not watched: most jobs name none, and none is touched by a later
change. What the job was resolved with is kept with its settings; from then on that is what counts.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import CONFIG_MAPS, Resource
from parallelrun_operator.cache import JobKey
from parallelrun_operator.job.settings import named
from parallelrun_operator.job.state import StateUnreadable

Json = dict[str, Any]

#: A list serves all jobs of a namespace for so long.
LIST_SECONDS = 3.0


class Registry:
    """Reads them; for one process."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._lists: dict[tuple[str, Resource], tuple[float, list[Json]]] = {}
        self._kept: dict[JobKey, tuple[Json, ...]] = {}

    async def of(self, key: JobKey, job: Json, settings: str | None) -> tuple[Json, ...]:
        """What ``job`` is resolved with; ``settings``: the name of its settings ConfigMap, where that is there.

        Raises KubeError and StateUnreadable.
        """
        kinds = named.kinds(job)
        if not kinds:
            return ()
        if settings is not None and key not in self._kept:
            kept = await self._read(key.namespace, settings)
            if kept is not None:
                self._kept[key] = kept
        if key in self._kept:
            return self._kept[key]
        return tuple(itertools.chain(*[await self._list(key.namespace, kind) for kind in kinds]))

    def forget(self, key: JobKey) -> None:
        """The job is no more."""
        self._kept.pop(key, None)

    async def _read(self, namespace: str, settings: str) -> tuple[Json, ...] | None:
        try:
            data = (await self._kube.get(CONFIG_MAPS, namespace, settings)).get("data") or {}
        except errors.NotFound:
            return None
        try:
            return tuple(json.loads(data[named.KEPT])) if named.KEPT in data else None
        except ValueError as error:
            raise StateUnreadable(
                f"{named.KEPT} of ConfigMap {settings} was changed by hand and cannot be read: {error}",
                hint="Delete the ConfigMap: it is made anew, with what is registered by then.",
            ) from error

    async def _list(self, namespace: str, kind: Resource) -> list[Json]:
        now = time.monotonic()
        self._lists = {name: found for name, found in self._lists.items() if now - found[0] < LIST_SECONDS}
        if (namespace, kind) not in self._lists:
            try:
                found, _ = await self._kube.list_objects(kind, namespace)
            except errors.NotFound:  # the cluster's definitions are older than this operator
                found = []
            self._lists[namespace, kind] = now, [_told(kind, one) for one in found]
        return self._lists[namespace, kind][1]


def _told(kind: Resource, obj: Json) -> Json:
    """What people wrote."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": obj["metadata"]["name"]},
        "spec": obj.get("spec") or {},
    }
