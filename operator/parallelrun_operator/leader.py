"""Which replica acts: the holder of one Lease.

No clocks of two machines are compared. A candidate takes the Lease when it has not *changed* for LEASE_SECONDS by the
candidate's own clock; a leader stops acting when its last renewal, counted from before it was sent, is older than
DEADLINE_SECONDS, which is less. Each write names the resourceVersion it was decided on. Should two act for a moment all
the same (a process that was frozen and thaws), nothing breaks: actions are harmless to repeat.

While the API server is away nobody leads, and nobody takes over: the former leader goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import LEASES

log = logging.getLogger(__name__)

Json = dict[str, Any]

NAME = "parallelrun-operator"


class LeadershipLost(RuntimeError):
    """Another replica leads. This process ends, so that nothing of what it was about to do goes on."""


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    lease: float = 15.0  # unchanged for so long: free to be taken
    deadline: float = 10.0  # not renewed for so long: stop acting
    renew: float = 3.0  # between two renewals, or two attempts
    request: float = 5.0  # a call that takes longer has failed


class Leader:
    """One replica's part in the election."""

    def __init__(self, kube: Kube, namespace: str, identity: str, pace: Pace | None = None) -> None:
        self._kube, self._namespace, self._identity = kube, namespace, identity
        self._pace = Pace() if pace is None else pace
        self._lease: Json | None = None  # as last read or written
        self._unchanged_since = 0.0
        self._renewed: float | None = None
        self._led = self._away = False
        self._changed = asyncio.Event()

    def leading(self) -> bool:
        """Whether this replica may act now."""
        return self._renewed is not None and _now() - self._renewed < self._pace.deadline

    async def until_leading(self) -> None:
        """Return when this replica may act."""
        while not self.leading():
            self._changed.clear()
            await self._changed.wait()

    async def run(self) -> None:
        """Take part until cancelled; raises LeadershipLost when another replica leads after this one did."""
        try:
            while True:
                await self._step()
                await asyncio.sleep(self._pace.renew)
        finally:
            self._renewed = None

    async def resign(self) -> None:
        """Let another replica take over at once."""
        if self._lease is None or not self._led or not self._ours(self._lease):
            return
        spec = {**self._lease["spec"], "holderIdentity": ""}
        try:
            async with asyncio.timeout(self._pace.request):
                await self._kube.replace({**self._lease, "spec": spec})
        except (errors.KubeError, TimeoutError) as error:
            log.warning("could not give up the lead; another replica takes over later: %s", error)

    async def _step(self) -> None:
        try:
            async with asyncio.timeout(self._pace.request):
                await self._try()
        except errors.Conflict:
            self._lease = None  # somebody else wrote: read it again
        except (errors.KubeError, TimeoutError) as error:
            if not self._away:
                log.warning("no part in the election of a leader for now: %s", error or "no answer in time")
            self._lease, self._away = None, True
        else:
            self._away = False

    async def _try(self) -> None:
        began = _now()
        if self._lease is None or not self._ours(self._lease):
            self._observe(await self._read(), began)
        if self._lease is None:
            self._won(await self._kube.create(self._new()), began)
        elif self._ours(self._lease):
            self._won(await self._kube.replace(self._renewal(self._lease)), began)
        elif self._led and self._lease["spec"].get("holderIdentity"):
            raise LeadershipLost(f"{self._lease['spec']['holderIdentity']} leads now")
        elif not self._lease["spec"].get("holderIdentity") or _now() - self._unchanged_since > self._pace.lease:
            self._won(await self._kube.replace(self._renewal(self._lease)), began)

    def _ours(self, lease: Json) -> bool:
        return bool(lease["spec"].get("holderIdentity") == self._identity)

    async def _read(self) -> Json | None:
        try:
            return await self._kube.get(LEASES, self._namespace, NAME)
        except errors.NotFound:
            return None

    def _observe(self, lease: Json | None, now: float) -> None:
        if lease is None or self._lease is None or _version(lease) != _version(self._lease):
            self._unchanged_since = now
        self._lease = lease

    def _won(self, lease: Json, began: float) -> None:
        if not self._led:
            log.info("%s leads", self._identity)
        self._lease, self._renewed, self._led = lease, began, True
        self._changed.set()

    def _new(self) -> Json:
        meta = {"name": NAME, "namespace": self._namespace}
        empty: Json = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": {}}
        return self._renewal(empty)

    def _renewal(self, lease: Json) -> Json:
        spec, now = lease["spec"], datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        new = {
            **spec,
            "holderIdentity": self._identity,
            "renewTime": now,
            "leaseDurationSeconds": max(1, round(self._pace.lease)),
        }
        if not self._ours(lease):
            new["acquireTime"] = now
            new["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        return {**lease, "spec": new}


def _version(lease: Json) -> str:
    return str(lease["metadata"]["resourceVersion"])


def _now() -> float:
    return asyncio.get_running_loop().time()
