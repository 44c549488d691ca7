"""A model that the job does not list: looked up among the Models of its namespace when the script asks for it.

A pod reads no more than it was given when it started: the folders that the job names, and the stores whose credentials
the agent has. A model that lies elsewhere has to be listed.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parallelrun.api import hints, pod_layout, store_urls
from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings, ModelSettings
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import MODELS
from parallelrun_agent.storage import places
from parallelrun_agent.storage.errors import StorageError

_CLAIM = "pvc://"
_CONFIG_MAP = "configmap://"


async def models(settings: JobSettings, name: str) -> list[ModelSettings]:
    """Every version of the model ``name`` that is registered in the job's namespace; its data may be out of reach.

    Raises KubeError, and InputError where there is none.
    """
    async with await Kube.in_cluster() as kube:
        found, _ = await kube.list_objects(MODELS, settings.namespace)
    return named(found, name, os.environ[pod_layout.CLAIM_VARIABLE])


def named(objects: Sequence[dict[str, Any]], name: str, claim: str) -> list[ModelSettings]:
    """Those of the Models ``objects`` that are registered as ``name``; relative paths are on the claim ``claim``.

    Raises InputError where there are none.
    """
    found = []
    for one in objects:
        spec = one["spec"]
        if _name(one) == name:
            path = _path(str(spec["path"]), claim)
            found.append(ModelSettings(name, path, str(spec.get("version") or "1"), str(spec.get("sha256") or "")))
    if not found:
        raise InputError(
            f'there is no Model registered as "{name}" in this namespace.',
            f"{hints.known('Model', name, {_name(one) for one in objects})} One that is not registered is listed with "
            f"its path: spec.models: [{{name: {name}, path: ...}}].",
        )
    return found


def _name(one: dict[str, Any]) -> str:
    return str(one["spec"].get("name") or one["metadata"]["name"])


def reachable(model: ModelSettings, settings: JobSettings) -> ModelSettings:
    """``model``, if this pod can read it; raises InputError that says to list it."""
    if places.is_url(model.path):
        try:
            places.find(settings.stores, model.path)
        except StorageError:
            raise _unlisted(model) from None
    elif not Path(model.path).exists():
        raise _unlisted(model)
    return model


def _path(text: str, claim: str) -> str:
    """As settings have it: absolute in this pod, or a URL."""
    for scheme, root in ((_CLAIM, pod_layout.CLAIMS), (_CONFIG_MAP, pod_layout.CONFIG_MAPS)):
        if text.startswith(scheme):
            return posixpath.normpath(posixpath.join(root, text.removeprefix(scheme)))
    if store_urls.is_store_url(text):
        return store_urls.canonical("spec.path of the Model", text)
    return posixpath.normpath(posixpath.join(pod_layout.claim(claim), text))


def _unlisted(model: ModelSettings) -> InputError:
    return InputError(
        f"model {model.name} version {model.version} is registered, but this job's pods cannot read {model.path}.",
        f"List it in the job, which gives them the right to: spec.models: [{{name: {model.name}}}].",
    )
