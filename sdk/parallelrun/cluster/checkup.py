"""What `parallelrun doctor` finds of a cluster: whether jobs can be submitted there, and by this user."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from parallelrun.api.models.metadata import API_VERSION, GROUP
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import explained, talk
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import CLAIMS, LEASES

OK, WARN, BAD = "ok", "warn", "bad"
#: Seconds that an API server may take to say its version.
_ANSWER_SECONDS = 10.0
_OLDEST = (1, 33)
#: What each command of a job's author needs: (verb, group, resource, subresource).
_RIGHTS = (
    ("create", GROUP, "parallelrunjobs", ""),
    ("get", GROUP, "parallelrunjobs", ""),
    ("list", GROUP, "parallelrunjobs", ""),
    ("watch", GROUP, "parallelrunjobs", ""),
    ("patch", GROUP, "parallelrunjobs", ""),
    ("delete", GROUP, "parallelrunjobs", ""),
    ("create", "", "configmaps", ""),
    ("patch", "", "configmaps", ""),
    ("get", "", "configmaps", ""),
    ("list", "coordination.k8s.io", "leases", ""),
    ("create", "", "pods", ""),
    ("list", "", "pods", ""),
    ("watch", "", "pods", ""),
    ("delete", "", "pods", ""),
    ("get", "", "pods", "log"),
    ("create", "", "pods", "exec"),
    ("get", "", "pods", "exec"),
)


class Found(NamedTuple):
    """One line of the doctor's."""

    subject: str
    verdict: str  # OK | WARN | BAD
    found: str
    remedy: str = ""


def checkup(place: Place) -> list[Found]:
    """All that can be found out; a cluster that does not answer is one line."""
    try:
        return talk(place, _all)
    except errors.KubeError as error:
        wanted = BAD if place.said else WARN
        return [Found("cluster", wanted, error.message, error.hint or "see: kubectl cluster-info")]


async def _all(kube: Kube) -> list[Found]:
    async with asyncio.timeout(_ANSWER_SECONDS * 3):
        first = await _version(kube)
        checks: tuple[Callable[[Kube], Awaitable[Found]], ...] = (_definition, _operator, _rights, _claim)
        return [first, *await asyncio.gather(*(check(kube) for check in checks))]


async def _version(kube: Kube) -> Found:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            version = await kube.request("GET", "/version")
    except TimeoutError:
        raise errors.Unavailable(f"the cluster does not answer within {_ANSWER_SECONDS:.0f} s") from None
    text = str(version.get("gitVersion"))
    numbers = tuple(int("".join(c for c in str(version.get(key)) if c.isdigit()) or 0) for key in ("major", "minor"))
    where = f"Kubernetes {text}, namespace {kube.namespace}"
    if numbers < _OLDEST:
        return Found("cluster", BAD, where, f"parallelrun needs Kubernetes {_OLDEST[0]}.{_OLDEST[1]} or newer")
    return Found("cluster", OK, where)


async def _definition(kube: Kube) -> Found:
    """By discovery, which everybody may read."""
    subject = "ParallelRunJob"
    try:
        answer = await kube.request("GET", f"/apis/{GROUP}")
    except errors.NotFound:
        return Found(subject, BAD, "not known to the cluster", "helm install parallelrun helm/parallelrun")
    except errors.KubeError as error:
        return Found(subject, WARN, explained(error).message, "ask the cluster's administrator")
    served = [str(one.get("groupVersion")) for one in answer.get("versions") or []]
    if API_VERSION not in served:
        remedy = "update this command, or the cluster's parallelrun: helm upgrade"
        return Found(subject, BAD, f"the cluster serves {', '.join(served)}, this command {API_VERSION}", remedy)
    return Found(subject, OK, API_VERSION)


async def _operator(kube: Kube) -> Found:
    """By the Leases that its replicas renew; not everybody may see them."""
    subject = "operator"
    try:
        leases, _ = await kube.list_objects(LEASES, None, labels="app.kubernetes.io/name=parallelrun-operator")
    except errors.KubeError:
        remedy = "you may not see its Leases; where none runs, jobs stay Pending"
        return Found(subject, WARN, "not known whether one runs", remedy)
    seen = sorted(f"{lease['metadata']['namespace']}/{lease['metadata']['name']}" for lease in leases)
    if not seen:
        remedy = "jobs stay Pending: helm status parallelrun -n parallelrun-system"
        return Found(subject, BAD, "none is seen", remedy)
    return Found(subject, OK, ", ".join(seen))


async def _rights(kube: Kube) -> Found:
    try:
        allowed = await asyncio.gather(*(_may(kube, *right) for right in _RIGHTS))
    except errors.KubeError as error:
        return Found("rights", WARN, explained(error).message, "see: kubectl auth can-i --list")
    missing = [_sentence(right) for right, may in zip(_RIGHTS, allowed, strict=True) if not may]
    if not missing:
        return Found("rights", OK, f"all that commands need in namespace {kube.namespace}")
    remedy = f"ask for the ClusterRole parallelrun-job-author in namespace {kube.namespace}"
    return Found("rights", WARN, f"you may not {', '.join(missing)}", remedy)


async def _may(kube: Kube, verb: str, group: str, resource: str, subresource: str) -> bool:
    attributes = {"verb": verb, "group": group, "resource": resource, "namespace": kube.namespace}
    if subresource:
        attributes["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await kube.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, review)
    return bool((answer.get("status") or {}).get("allowed"))


def _sentence(right: tuple[str, str, str, str]) -> str:
    verb, _, resource, subresource = right
    return f"{verb} {resource}/{subresource}" if subresource else f"{verb} {resource}"


async def _claim(kube: Kube) -> Found:
    """The claim that jobs use where they name none."""
    subject = "claim parallelrun"
    try:
        claim = await kube.get(CLAIMS, kube.namespace, "parallelrun")
    except errors.NotFound:
        remedy = "jobs need spec.volume.claimName, or this one; the chart makes it: --set claims[0].namespace=..."
        return Found(subject, WARN, f"none in namespace {kube.namespace}", remedy)
    except errors.KubeError as error:
        return Found(subject, WARN, explained(error).message, "jobs need a ReadWriteMany claim")
    modes = (claim.get("spec") or {}).get("accessModes") or []
    phase = (claim.get("status") or {}).get("phase")
    if "ReadWriteMany" not in modes:
        return Found(subject, WARN, f"{phase}, {', '.join(modes)}", "jobs of several nodes need ReadWriteMany")
    return Found(subject, OK, f"{phase}, ReadWriteMany")
