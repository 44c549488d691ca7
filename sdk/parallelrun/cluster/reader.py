"""A short-lived pod that reaches a job's files with the caller's own rights, since only pods see volumes.

It runs nothing but a clock: it ends by itself soon after the last program in it, should nobody be left to delete it.
It has no token, mounts folders by ``subPath`` where they are known to exist, and passes restricted Pod Security.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import parallelrun
from parallelrun.cluster.jobs import Job, Observed, changes
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import PODS

CONTAINER = "reader"
DEFAULT_IMAGE = f"parallelrun/runner:{parallelrun.__version__}"
#: Seconds until it has to run; images may have to be pulled.
START_SECONDS = 300.0
#: Seconds without a program in it after which it ends, and after which it ends in any case.
IDLE_SECONDS, LONGEST_SECONDS = 90, 24 * 3600
#: Why a container that waits will not start by itself.
_HOPELESS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError")
#: Ends when nothing else has run in the container for so many seconds, or at once when told to.
_CLOCK = """\
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
last = time.monotonic()
while time.monotonic() - last < float(sys.argv[1]):
    time.sleep(2)
    if any(name.isdigit() and name != str(os.getpid()) for name in os.listdir("/proc")):
        last = time.monotonic()
"""


@dataclass(frozen=True)
class Mount:
    """A folder of a claim."""

    claim: str
    path: str  # in the pod
    sub_path: str = ""  # from the claim's root; "" is all of it
    writable: bool = False


@dataclass(frozen=True)
class Look:
    """What pods of the job look like, as far as it decides whether and how a reader can start."""

    image: str = DEFAULT_IMAGE
    pull_policy: str = "IfNotPresent"
    pull_secrets: list[Json] = field(default_factory=list)
    security: Json = field(default_factory=lambda: {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001})


@dataclass(frozen=True)
class Reader:
    """A reader pod that runs."""

    kube: Kube
    namespace: str
    name: str


def pod(namespace: str, mounts: Sequence[Mount], look: Look, owner: Job | None) -> Json:
    """The pod; owned by the job whose files it reads, so that it never outlives it."""
    claims = list(dict.fromkeys(mount.claim for mount in mounts))
    writable = {mount.claim for mount in mounts if mount.writable}
    metadata: Json = {
        "name": f"parallelrun-reader-{secrets.token_hex(4)}",
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/name": "parallelrun",
            "app.kubernetes.io/component": "reader",
            "app.kubernetes.io/managed-by": "parallelrun-cli",
        },
    }
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner)]
    volumes = [
        {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim, "readOnly": claim not in writable}}
        for number, claim in enumerate(claims)
    ]
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": LONGEST_SECONDS,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {
            **look.security,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "imagePullSecrets": look.pull_secrets,
        "containers": [_container(mounts, claims, look)],
        "volumes": volumes,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(mounts: Sequence[Mount], claims: list[str], look: Look) -> Json:
    return {
        "name": CONTAINER,
        "image": look.image,
        "imagePullPolicy": look.pull_policy,
        "command": ["python3", "-c", _CLOCK, str(IDLE_SECONDS)],
        "workingDir": "/",
        "env": [{"name": "PYTHONUTF8", "value": "1"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "volumeMounts": [
            {
                "name": f"claim-{claims.index(mount.claim)}",
                "mountPath": mount.path,
                "readOnly": not mount.writable,
                **({"subPath": mount.sub_path} if mount.sub_path else {}),
            }
            for mount in mounts
        ],
    }


def owner_reference(job: Observed) -> Json:
    """That the object goes with ``job``, or another owner."""
    meta = {"name": job.name, "uid": job.uid}
    return {"apiVersion": job.obj["apiVersion"], "kind": job.obj["kind"], **meta, "blockOwnerDeletion": False}


@asynccontextmanager
async def reader(kube: Kube, wanted: Json) -> AsyncIterator[Reader]:
    """Create the pod and wait until it runs; it is deleted however the block ends.

    Raises KubeError that says why it does not start.
    """
    meta = wanted["metadata"]
    created = await kube.create(wanted)
    try:
        await _running(kube, created)
        yield Reader(kube, meta["namespace"], meta["name"])
    finally:
        await asyncio.shield(_deleted(kube, meta["namespace"], meta["name"]))


async def _deleted(kube: Kube, namespace: str, name: str) -> None:
    with contextlib.suppress(errors.Unavailable):  # its own clock ends it
        await kube.delete(PODS, namespace, name)


async def _running(kube: Kube, created: Json) -> None:
    meta, latest = created["metadata"], created
    try:
        async with asyncio.timeout(START_SECONDS):
            async with contextlib.aclosing(changes(kube, PODS, meta["namespace"], meta["name"], created)) as found:
                async for now in found:
                    latest = now or latest
                    if now is not None and _runs(now):
                        return
                    if (reason := "it was deleted" if now is None else hopeless(now)) is not None:
                        raise _no_start(meta["name"], reason)
    except TimeoutError:
        raise _no_start(meta["name"], waits_for(latest) or f"it did not run within {START_SECONDS:.0f} s") from None


def _runs(now: Json) -> bool:
    return any("running" in (one.get("state") or {}) for one in now["status"].get("containerStatuses") or [])


def hopeless(now: Json) -> str | None:
    """Why the pod will never run, in a sentence; None where it still may."""
    if now["status"].get("phase") in ("Failed", "Succeeded"):
        return f"it ended: {now['status'].get('message') or now['status'].get('reason') or 'its program left'}"
    for one in now["status"].get("containerStatuses") or []:
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            return f"{waiting['reason']}: {waiting.get('message') or one.get('image')}"
    return None


def waits_for(now: Json) -> str:
    """What a pod that is not running says it waits for; "" where it says nothing."""
    for one in now["status"].get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f"{one.get('reason')}: {one.get('message')}"
    for one in now["status"].get("containerStatuses") or []:
        if waiting := (one.get("state") or {}).get("waiting"):
            return f"{waiting.get('reason')}: {waiting.get('message') or 'waiting'}"
    return ""


def _no_start(name: str, reason: str) -> errors.KubeError:
    image = "Image" in reason
    hint = (
        "Name an image that the cluster can pull and that has Python: --image IMAGE"
        if image
        else "Is there such a claim, and room for a small pod? See: kubectl get pvc,events"
    )
    return errors.KubeError(f"The pod {name}, which reads the volume, does not start: {reason}", hint=hint)
