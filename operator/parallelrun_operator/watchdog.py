"""Writes this replica's heartbeats, in a Lease and in a ConfigMap, for its own watches to see (:mod:`.pulse`).

The objects are in the operator's own namespace, belong to the replica's pod, and carry the label that watches select
by, with a value that is no job's UID.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.api.models.metadata import GROUP
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import CONFIG_MAPS, LEASES, PODS, Resource
from parallelrun_operator.config import Config
from parallelrun_operator.pulse import Pulse

log = logging.getLogger(__name__)

Json = dict[str, Any]

KINDS = (CONFIG_MAPS, LEASES)
#: The field manager of all that the operator applies.
MANAGER = "parallelrun-operator"
#: Of a heartbeat's metadata: which process wrote it, and its number.
BEAT = f"{GROUP}/operator-beat"
#: The value of LABEL_JOB_UID on heartbeats.
NO_JOB = "operator"


class Watchdog:
    """The heartbeats of one process."""

    def __init__(self, kube: Kube, config: Config, pulse: Pulse) -> None:
        self._kube, self._config, self.pulse = kube, config, pulse
        self._name = f"parallelrun-operator-{config.identity}"
        self._process = secrets.token_hex(4)
        self._away = False

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            beat = self.pulse.next_beat()
            for kind in KINDS:
                await self._write(kind, beat)
            self.pulse.watching(_now())
            await asyncio.sleep(self.pulse.pace.beat)

    def recognize(self, kind: Resource, obj: Json) -> bool:
        """Whether ``obj`` is a heartbeat, of this replica or another."""
        return kind in KINDS and (obj["metadata"].get("labels") or {}).get(LABEL_JOB_UID) == NO_JOB

    def seen(self, kind: Resource, obj: Json) -> bool:
        """A heartbeat came through a watch; whether this completes what is to be seen since the watches started."""
        process, _, beat = (obj["metadata"].get("annotations") or {}).get(BEAT, "").partition(":")
        return process == self._process and self.pulse.seen(kind.plural, int(beat), _now())

    async def _write(self, kind: Resource, beat: int) -> None:
        try:
            await self._kube.apply(self._heartbeat(kind, beat), MANAGER)
        except errors.KubeError as error:
            self.pulse.failed(kind.plural)
            if not self._away:
                log.warning("the API server does not take heartbeats: %s", error)
            self._away = True
            return
        self.pulse.written(kind.plural, beat, _now())
        if self._away:
            log.info("the API server takes heartbeats again")
        self._away = False

    def _heartbeat(self, kind: Resource, beat: int) -> Json:
        meta: Json = {
            "name": self._name,
            "namespace": self._config.namespace,
            "labels": {"app.kubernetes.io/name": "parallelrun-operator", LABEL_JOB_UID: NO_JOB},
            "annotations": {BEAT: f"{self._process}:{beat}"},
        }
        if self._config.pod_uid:
            owner = {"name": self._config.identity, "uid": self._config.pod_uid}
            meta["ownerReferences"] = [{"apiVersion": PODS.api_version, "kind": PODS.kind, **owner}]
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta}


def _now() -> float:
    return asyncio.get_running_loop().time()
