"""What is kept of each watched object: a thousand nodes' pods as the API server sends them would fill the memory."""

from __future__ import annotations

from typing import Any

from parallelrun.kube.resources import CONFIG_MAPS, JOBS, LEASES, NODES, PODS, Resource

Json = dict[str, Any]

_META = (
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences",
)  # fmt: skip
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_POD_STATUS = (
    "phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses", "startTime",
)  # fmt: skip


def stripped(kind: Resource, obj: Json) -> Json:
    """``obj`` with what looks need of an object of this kind, apiVersion and kind added where lists left them out."""
    kept: Json = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": _metadata(obj["metadata"])}
    if kind is NODES:
        meta = {name: obj["metadata"][name] for name in ("name", "uid")}
        return {**kept, "metadata": meta, "ready": _ready(obj)}
    if kind is LEASES:
        return kept
    if kind is CONFIG_MAPS:
        return {**kept, "data": _picked(obj.get("data") or {}, ("state",))}
    if kind is PODS:
        status = _picked(obj.get("status") or {}, _POD_STATUS)
        return {**kept, "spec": _picked(obj.get("spec") or {}, ("nodeName",)), "status": status}
    if kind is JOBS:
        spec = {name: value for name, value in (obj.get("spec") or {}).items() if name != "template"}
        return {**kept, "spec": spec, "status": obj.get("status") or {}}
    return {**kept, "spec": obj.get("spec") or {}, "status": obj.get("status") or {}}


def _metadata(meta: Json) -> Json:
    kept = _picked(meta, _META)
    if _LAST_APPLIED in (kept.get("annotations") or {}):
        kept["annotations"] = {name: text for name, text in kept["annotations"].items() if name != _LAST_APPLIED}
    return kept


def _picked(value: Json, names: tuple[str, ...]) -> Json:
    return {name: value[name] for name in names if name in value}


def _ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
