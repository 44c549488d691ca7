"""Which kinds of registered objects a job may need, by its manifest alone: a job that names none costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parallelrun.api import layout
from parallelrun.kube.resources import COMPUTE_TARGETS, DATASETS, DATASTORES, ENVIRONMENTS, MODELS, Resource

Json = dict[str, Any]

#: The key of the settings ConfigMap that holds what a job was resolved with.
KEPT = layout.REGISTERED
#: Where the paths of objects of the cluster itself are; others may be those of a Datastore.
_VOLUMES = ("pvc://", "configmap://")


def kinds(job: Json) -> tuple[Resource, ...]:
    """Those to be looked through for ``job``, a manifest that may be wrong in any way."""
    spec = _object(job.get("spec"))
    inputs, models = _objects(spec.get("inputs")), _objects(spec.get("models"))
    registered = any("path" not in one for one in models)
    found = {
        DATASETS: any("dataset" in one for one in inputs),
        MODELS: registered or bool(spec.get("reuseOf")),  # which of them an earlier job asked for is in its status
        ENVIRONMENTS: "name" in _object(spec.get("environment")),
        COMPUTE_TARGETS: bool(spec.get("computeTarget")),
    }
    stores = found[DATASETS] or registered or any(_is_url(text) for text in _paths(spec))
    return tuple(kind for kind, wanted in {DATASTORES: stores, **found}.items() if wanted)


def _paths(spec: Json) -> Iterator[Any]:
    for one in _objects(spec.get("inputs")):
        yield from one.get("paths") or () if isinstance(one.get("paths"), list) else ()
    for field in ("sideInputs", "models", "outputs"):
        yield from (one.get("path") for one in _objects(spec.get(field)))
    yield _object(spec.get("output")).get("path")


def _is_url(text: Any) -> bool:
    return isinstance(text, str) and "://" in text and not text.startswith(_VOLUMES)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
