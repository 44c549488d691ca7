"""The models of a job: those that it lists, and registered ones that a script may ask for by name.

``AZUREML_MODEL_DIR`` is the *parent* of a model: a folder that holds exactly one entry, with the model's base name
kept (scripts do ``os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl")``, or list the folder and take what is
there). A model's real parent holds other things too, so the run's folder gets a ``models`` folder with one link in it,
made only where a single model is listed: with several, there is no one entry that a script could mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import layout
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.settings import ModelSettings
from parallelrun.local import run_folder
from parallelrun.local.places import Places

if TYPE_CHECKING:
    from parallelrun.api.models import JobModel
    from parallelrun.local.ground import Ground

KIND = "Model"


def listed(models: Iterable[JobModel], places: Places) -> list[ModelSettings]:
    """``spec.models``, where registered ones have their path, with absolute paths that exist, or URLs.

    Raises InputError or ManifestError.
    """
    found = []
    for number, model in enumerate(models):
        path = places.existing(f"spec.models[{number}].path", model.path or "")
        found.append(ModelSettings(model.name, path, model.version or "1", model.sha256 or ""))
    return found


def registered(ground: Ground) -> list[ModelSettings]:
    """The models that a script may ask for by name without the job listing them: all that are registered.

    One that is registered in the job's own file has to be there; any other may be another job's, on a claim that has
    no place here, and is left out with a remark, as is one that is there twice. Raises InputError or ManifestError.
    """
    if not any(document.get("kind") == KIND for document in ground.found.documents):
        return []
    from parallelrun.api.models.model_kind import ModelSpec
    from parallelrun.api.registry import typed

    found = []
    twice = {(one.name, one.version) for pair in ground.found.registry.duplicates() for one in pair}
    for entry in ground.found.registry.all(KIND):
        if (entry.name, entry.version) in twice:
            ground.say(f"left out: {entry} of {entry.place}: it is registered twice")
            continue
        where = f"{entry}: spec.path"
        try:
            spec = typed(entry, ModelSpec)
            path = ground.places.existing(where, spec.path)
        except (InputError, ManifestError) as error:
            if entry.where == str(ground.manifest):
                raise
            ground.say(f"left out: {error.message}")
            continue
        found.append(ModelSettings(entry.name, path, entry.version, spec.sha256 or ""))
    return found


def link_only(models: list[ModelSettings], folder: Path) -> None:
    """Make the folder for ``AZUREML_MODEL_DIR`` in the run's ``folder`` if exactly one model is listed."""
    if len(models) != 1 or not models[0].path.startswith("/"):
        return  # what is on an object store is fetched to such a folder
    model = Path(models[0].path)
    if not model.name:
        raise InputError("spec.models[0].path: the root folder cannot be a model.", "Name the model's own folder.")
    with run_folder.explained(folder):
        (folder / layout.MODELS).mkdir(exist_ok=True)
        link = folder / layout.MODELS / model.name
        link.unlink(missing_ok=True)
        link.symlink_to(model)
