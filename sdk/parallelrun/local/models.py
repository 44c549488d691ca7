"""The models of a job: those that it lists, and registered ones that a script may ask for by name.

``AZUREML_MODEL_DIR`` is the *parent* of a model: a folder that holds exactly one entry, with the model's base name
kept (scripts do ``os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl")``, or list the folder and take what is
there). A model's real parent holds other things too, so the run's folder gets a ``models`` folder with one link in it,
made only where a single model is listed: with several, there is no one entry that a script could mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import hints, layout
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.settings import ModelSettings
from parallelrun.local import run_folder
from parallelrun.local.places import Places

if TYPE_CHECKING:
    from parallelrun.api.models import JobModel

KIND = "Model"


def listed(models: Iterable[JobModel], places: Places) -> list[ModelSettings]:
    """``spec.models`` with absolute paths that exist. Raises InputError or ManifestError."""
    return [
        ModelSettings(model.name, str(places.existing(f"spec.models[{number}].path", model.path or "")))
        for number, model in enumerate(models)
    ]


def registered(documents: Iterable[Mapping[str, Any]], places: Places) -> list[ModelSettings]:
    """The ``Model`` documents that stand beside the job: name, version and path of each.

    A model's name is ``spec.name`` where that is given, since registered names such as ``my_model`` may not be
    allowed as an object's name. Raises InputError or ManifestError.
    """
    return [_registered(document, places) for document in documents if document.get("kind") == KIND]


def _registered(document: Mapping[str, Any], places: Places) -> ModelSettings:
    spec = document.get("spec")
    name = (document.get("metadata") or {}).get("name")
    if not isinstance(spec, dict) or not isinstance(spec.get("path"), str) or not (spec.get("name") or name):
        raise ManifestError(
            "A Model document in this file has no metadata.name or no spec.path.",
            "For example: {kind: Model, metadata: {name: mnist}, spec: {path: model/}}",
        )
    unknown = sorted(spec.keys() - {"name", "version", "path", "description", "tags"})
    if unknown:
        raise ManifestError(
            f"Model {name}: spec.{unknown[0]} is not a field of a Model.",
            hints.known("field", unknown[0], ["name", "version", "path", "description", "tags"]),
        )
    path = places.existing(f"Model {name}: spec.path", spec["path"])
    return ModelSettings(str(spec.get("name") or name), str(path), str(spec.get("version", "1")))


def link_only(models: list[ModelSettings], folder: Path) -> None:
    """Make the folder for ``AZUREML_MODEL_DIR`` in the run's ``folder`` if exactly one model is listed."""
    if len(models) != 1:
        return
    model = Path(models[0].path)
    if not model.name:
        raise InputError("spec.models[0].path: the root folder cannot be a model.", "Name the model's own folder.")
    with run_folder.explained(folder):
        (folder / layout.MODELS).mkdir(exist_ok=True)
        link = folder / layout.MODELS / model.name
        link.unlink(missing_ok=True)
        link.symlink_to(model)
