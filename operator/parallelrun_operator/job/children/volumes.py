"""The volumes of a job's pods, and who mounts what of them.

The worker runs other people's code: it gets the job's own folder and the folders that the manifest names, by subPath.
So does the agent, at the same paths, for it works on files that scripts wrote, and a link among them must lead nowhere.
Only the container that makes these folders mounts claims whole; it follows no links of scripts.

Secrets of object stores are the agent's alone. What it fetches is in a volume that the worker can only read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from parallelrun.api import pod_layout
from parallelrun_operator.job.children import security
from parallelrun_operator.job.settings import Folder, Resolved
from parallelrun_operator.job.world import World

Json = dict[str, Any]

_TMP = "/tmp"
# Names of volumes. Claims and ConfigMaps are numbered: their own names may be longer than a volume's may.
_TOKEN, _SETTINGS, _CODE = "token", "settings", "code"
_PROGRAM, _SOURCE, _MEETING, _CHECKOUT = "program", "source", "meeting", "checkout"
_CACHE, _CERTIFICATES = "cache", "certificates"
_OUR_TMP, _WORKER_TMP = "tmp", "worker-tmp"  # two, so that neither side finds what the other left lying around


def all_of(world: World, resolved: Resolved) -> list[Json]:
    """Of a pod."""
    source = resolved.model.spec.source
    scratch = [_PROGRAM, _SOURCE, _MEETING, _OUR_TMP, _WORKER_TMP, *([_CHECKOUT] if is_fetched(resolved) else [])]
    volumes: list[Json] = [
        {"name": _claim_volume(resolved, claim), "persistentVolumeClaim": {"claimName": claim}}
        for claim in resolved.claims
    ]
    volumes += [
        {"name": _config_map_volume(resolved, name), "configMap": {"name": name}} for name in resolved.config_maps
    ]
    volumes.append({"name": _SETTINGS, "configMap": {"name": world.names.settings}})
    if source.config_map is not None:
        volumes.append({"name": _CODE, "configMap": {"name": source.config_map.name}})
    if resolved.packages is not None and resolved.packages.certificates:
        volumes.append({"name": _CERTIFICATES, "configMap": {"name": resolved.packages.certificates}})
    volumes += [{"name": name, "emptyDir": {}} for name in scratch]
    if resolved.fetches:
        volumes.append({"name": _CACHE, "emptyDir": {"sizeLimit": world.config.cache_size}})
    volumes += [
        {"name": _secret_volume(resolved, folder), "secret": {"secretName": secret, "optional": False}}
        for folder, secret in resolved.secrets.items()
    ]
    return [*volumes, security.token_volume(_TOKEN)]


def is_fetched(resolved: Resolved) -> bool:
    """Whether the source has to be brought into the pod before it can be copied."""
    source = resolved.model.spec.source
    return source.git is not None or source.image_path is not None


def of_program() -> list[Json]:
    """Of the container that copies the worker's program."""
    return [_mount(_PROGRAM, pod_layout.PROGRAM), _mount(_OUR_TMP, _TMP)]


def of_fetch() -> list[Json]:
    """Of the container that brings the source; for an imagePath it is the user's image."""
    return [
        _mount(_PROGRAM, pod_layout.PROGRAM, read_only=True),
        _mount(_CHECKOUT, pod_layout.CHECKOUT),
        _mount(_WORKER_TMP, _TMP),
    ]


def of_prepare(resolved: Resolved) -> list[Json]:
    """Of the container that makes the job's folder and this pod's copy of the source."""
    mounts = [*_data(resolved), *_trusted(), _mount(_SOURCE, pod_layout.SOURCE)]
    if resolved.model.spec.source.config_map is not None:
        mounts.append(_mount(_CODE, pod_layout.CODE, read_only=True))
    if is_fetched(resolved):
        mounts.append(_mount(_CHECKOUT, pod_layout.CHECKOUT, read_only=True))
    return mounts


def of_environment(world: World, resolved: Resolved) -> list[Json]:
    """Of the container that installs the job's packages, in the user's image: it alone writes where they are."""
    packages = resolved.packages
    assert packages is not None
    mounts = [
        _environment(world, resolved, read_only=False),
        _mount(_PROGRAM, pod_layout.PROGRAM, read_only=True),
        _mount(_SOURCE, pod_layout.SOURCE, read_only=True),
        _mount(_WORKER_TMP, _TMP),
    ]
    if packages.wheels is not None:
        volume, folder = _claim_volume(resolved, packages.wheels.claim), "/".join(packages.wheels.parts)
        mounts.append(_mount(volume, pod_layout.WHEELS, read_only=True, sub_path=folder))
    if packages.certificates:
        mounts.append(_mount(_CERTIFICATES, pod_layout.CERTIFICATES, read_only=True))
    return mounts


def of_agent(world: World, resolved: Resolved) -> list[Json]:
    """Of the agent."""
    return [
        _job(world, resolved),
        *_folders(resolved, resolved.agent_folders),
        *_config_maps(resolved),
        *_trusted(),
        *_cache(resolved, read_only=False),
        *(_mount(_secret_volume(resolved, folder), folder, read_only=True) for folder in resolved.secrets),
        _mount(_MEETING, pod_layout.MEETING),
    ]


def of_worker(world: World, resolved: Resolved) -> list[Json]:
    """Of the user's container: no token, no whole claim."""
    return [
        _job(world, resolved),
        *_folders(resolved, resolved.folders),
        *_config_maps(resolved),
        *_cache(resolved, read_only=True),
        *([] if resolved.packages is None else [_environment(world, resolved, read_only=True)]),
        _mount(_PROGRAM, pod_layout.PROGRAM, read_only=True),
        _mount(_SOURCE, pod_layout.SOURCE),
        _mount(_MEETING, pod_layout.MEETING),
        _mount(_WORKER_TMP, _TMP),
    ]


def _job(world: World, resolved: Resolved) -> Json:
    folder = pod_layout.job_folder(world.namespace, world.name, world.uid)
    return _mount(_claim_volume(resolved, resolved.model.spec.volume.claim), pod_layout.JOB, sub_path=folder)


def _environment(world: World, resolved: Resolved, read_only: bool) -> Json:
    link = pod_layout.environment_link(world.namespace, world.name, world.uid)
    volume = _claim_volume(resolved, resolved.model.spec.volume.claim)
    return _mount(volume, pod_layout.ENVIRONMENT, read_only, sub_path=link)


def _folders(resolved: Resolved, folders: Iterable[Folder]) -> list[Json]:
    return [
        _mount(
            _claim_volume(resolved, folder.claim),
            posixpath.join(pod_layout.claim(folder.claim), folder.path),
            read_only=not folder.writable,
            sub_path=folder.path,
        )
        for folder in folders
    ]


def _data(resolved: Resolved) -> list[Json]:
    claims = [
        _mount(_claim_volume(resolved, claim), pod_layout.claim(claim), read_only=not writes)
        for claim, writes in resolved.claims.items()
    ]
    return [*claims, *_config_maps(resolved)]


def _config_maps(resolved: Resolved) -> list[Json]:
    return [
        _mount(_config_map_volume(resolved, name), pod_layout.config_map(name), read_only=True)
        for name in resolved.config_maps
    ]


def _cache(resolved: Resolved, read_only: bool) -> list[Json]:
    return [_mount(_CACHE, pod_layout.CACHE, read_only)] if resolved.fetches else []


def _trusted() -> list[Json]:
    """What only containers in our image have."""
    return [
        _mount(_SETTINGS, pod_layout.CONFIG, read_only=True),
        _mount(_TOKEN, security.TOKEN_PATH, read_only=True),
        _mount(_OUR_TMP, _TMP),
    ]


def _claim_volume(resolved: Resolved, claim: str) -> str:
    return f"claim-{list(resolved.claims).index(claim)}"


def _config_map_volume(resolved: Resolved, name: str) -> str:
    return f"configmap-{resolved.config_maps.index(name)}"


def _secret_volume(resolved: Resolved, folder: str) -> str:
    return f"credentials-{list(resolved.secrets).index(folder)}"


def _mount(volume: str, path: str, read_only: bool = False, sub_path: str = "") -> Json:
    mount: Json = {"name": volume, "mountPath": path}
    if read_only:
        mount["readOnly"] = True
    if sub_path:
        mount["subPath"] = sub_path
    return mount
