"""Whether a manifest fits what is registered beside it, without preparing a run: for ``parallelrun validate``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import merging
from parallelrun.api.registry import NotRegistered, Registry
from parallelrun.api.store_urls import Stores
from parallelrun.local import registered

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob
    from parallelrun.api.models import ParallelRunJob


def check(loaded: LoadedJob, register: Sequence[Path]) -> None:
    """Raise ManifestError for an object beside the manifest that is not right or does not fit.

    Raises NotRegistered, last, for a name that is not registered there: it may be in a cluster.
    """
    path = Path(os.path.abspath(loaded.path))
    found = registered.search(path, loaded.documents, register)
    registry: Registry = found.registry
    missing: list[NotRegistered] = []
    try:
        job = merging.resolve(loaded.job, registry).job
    except NotRegistered as error:
        missing.append(error)
        job = loaded.job
    stores = Stores(registry.datastore, lambda *_: "")
    for where, text, write in _places(job):
        try:
            stores.locate(where, text, write)
        except NotRegistered as error:
            missing.append(error)
    if missing:
        raise missing[0]


def _places(job: ParallelRunJob) -> Iterator[tuple[str, str, bool]]:
    """(field, path or URL, whether it is written to) of all that a job names."""
    spec = job.spec
    for number, one in enumerate(spec.inputs):
        yield from ((f"spec.inputs[{number}].paths[{index}]", text, False) for index, text in enumerate(one.paths))
    for number, side in enumerate(spec.side_inputs):
        yield f"spec.sideInputs[{number}].path", side.path, False
    for number, model in enumerate(spec.models):
        if model.path is not None:
            yield f"spec.models[{number}].path", model.path, False
    if spec.output.path is not None:
        yield "spec.output.path", spec.output.path, True
