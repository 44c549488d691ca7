"""The restricted Pod Security Standard, as a function over a pod's spec; and what the API server demands of mounts.

The rules are those of kubernetes.io/docs/concepts/security/pod-security-standards, baseline ones included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def containers(pod: Json) -> list[Json]:
    """Of all kinds."""
    return [*pod.get("initContainers", []), *pod["containers"], *pod.get("ephemeralContainers", [])]


def violations(pod: Json) -> list[str]:
    """What the restricted standard refuses in ``pod``; empty where it would be admitted."""
    return [*_of_pod(pod), *(text for one in containers(pod) for text in _of_container(pod, one))]


def _of_pod(pod: Json) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if len(kinds) != 1 or not kinds <= _VOLUMES:
            yield f"volume {volume['name']}: {sorted(kinds)}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _of_container(pod: Json, one: Json) -> Iterator[str]:
    context, outer, name = one.get("securityContext", {}), pod.get("securityContext", {}), one["name"]
    if context.get("privileged"):
        yield f"{name}: privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name}: capabilities"
    if context.get("runAsNonRoot", outer.get("runAsNonRoot")) is not True:
        yield f"{name}: runAsNonRoot"
    if context.get("runAsUser", outer.get("runAsUser")) == 0:
        yield f"{name}: runAsUser"
    if context.get("seccompProfile", outer.get("seccompProfile", {})).get("type") not in (
        "RuntimeDefault",
        "Localhost",
    ):
        yield f"{name}: seccompProfile"
    if context.get("procMount", "Default") != "Default":
        yield f"{name}: procMount"
    if any(port.get("hostPort") for port in one.get("ports", [])):
        yield f"{name}: hostPort"


def malformed(pod: Json) -> list[str]:
    """What the API server refuses in names, volumes and mounts of ``pod``."""
    return [*_names(pod), *(text for one in containers(pod) for text in _mounts(pod, one))]


def _names(pod: Json) -> Iterator[str]:
    for kind in ("volumes", "containers"):
        names = [one["name"] for one in (containers(pod) if kind == "containers" else pod["volumes"])]
        yield from (f"{kind}: {name}" for name in names if not LABEL.fullmatch(name))
        if len(names) != len(set(names)):
            yield f"{kind}: {names} repeat"
    for volume in pod["volumes"]:
        source = volume.get("persistentVolumeClaim", {}).get("claimName") or volume.get("configMap", {}).get("name")
        if source is not None and not SUBDOMAIN.fullmatch(source):
            yield f"volume {volume['name']}: {source}"


def _mounts(pod: Json, one: Json) -> Iterator[str]:
    mounts, volumes = one["volumeMounts"], {volume["name"] for volume in pod["volumes"]}
    paths = [mount["mountPath"] for mount in mounts]
    if len(paths) != len(set(paths)):
        yield f"{one['name']}: {paths} repeat"
    for mount in mounts:
        path, sub = mount["mountPath"], mount.get("subPath", "")
        if mount["name"] not in volumes:
            yield f"{one['name']}: no volume {mount['name']}"
        if ":" in path or not path.startswith("/"):
            yield f"{one['name']}: mountPath {path}"
        if sub.startswith("/") or ".." in sub.split("/"):
            yield f"{one['name']}: subPath {sub}"
