"""Whether a pipeline fits what is registered beside it, without running it: for ``parallelrun validate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import load_manifest
from parallelrun.api.registry import NotRegistered
from parallelrun.local import checking
from parallelrun.local.pipelines import loading
from parallelrun.local.pipelines.loading import Loaded
from parallelrun.pipelines import compile, names, parameters


def check(path: Path, sets: Sequence[str], register: Sequence[Path]) -> None:
    """Raise ManifestError for all that is wrong with the pipeline in the file ``path``, or does not fit.

    Raises NotRegistered for a name that is not registered there: it may be in a cluster.
    """
    if sets:
        raise ManifestError(f"{path}: --set is for a job, and this is a pipeline.")
    for loaded in loading.load_all(path):
        _check_steps(loaded, path, register)


def _check_steps(loaded: Loaded, path: Path, register: Sequence[Path]) -> None:
    params = _values(loaded)
    if params is None:
        return  # a run has to say more before its steps can be looked at
    outputs = compile.anywhere(loaded.spec)
    for step in loaded.spec["steps"]:
        spec = compile.job_spec(loaded.spec, step["name"], params, outputs, lambda one, output: f"{one}/{output}")
        text = loaded.manifest_of(names.job(loaded.name, step["name"]), spec)
        try:
            checking.check(load_manifest(text, name=str(path)), register)
        except NotRegistered as error:
            message = f"step {step['name']}: {error.message}"
            raise NotRegistered(error.kind, error.name, message, error.hint) from None


def _values(loaded: Loaded) -> dict[str, parameters.Value] | None:
    given = loaded.run.get("parameters") or {}
    if not loaded.run and any("default" not in one for one in loaded.spec.get("parameters") or ()):
        return None
    return parameters.resolve(loaded.spec, given)
