"""YAML of what the pipeline names by ``azureml:name``: data, environments, components, compute, datastores, models."""

from __future__ import annotations

from pathlib import PurePosixPath

from parallelrun.api.errors import ManifestError
from parallelrun.importing.azureml.bindings import DATA, MODELS
from parallelrun.importing.azureml.book import Book

_TYPES = {
    **dict.fromkeys(DATA, "data"),
    **dict.fromkeys(MODELS, "model"),
    **dict.fromkeys(("command", "parallel"), "component"),
    **dict.fromkeys(("amlcompute", "computeinstance", "kubernetes"), "compute"),
    **dict.fromkeys(("azure_blob", "azure_file", "azure_data_lake_gen1", "azure_data_lake_gen2"), "datastore"),
}
_BY_FIELD = {"conda_file": "environment", "image": "environment", "build": "environment", "task": "component"}
_ABOUT = ("$schema", "name", "version", "description", "tags", "properties", "type", "stage", "flavors")


def take(book: Book, path: PurePosixPath) -> None:
    """Keep what the file ``path`` registers. Raises ManifestError."""
    root = book.open(path)
    name, type_ = root["name"].value, str(root["type"].value or "").lower()
    kind = _TYPES.get(type_) or next((kind for key, kind in _BY_FIELD.items() if key in root), "")
    if not kind or not name:
        raise ManifestError(
            f"{root.file.name} is no YAML of data, an environment, a component, a compute, a datastore or a model "
            "with a name.",
            "Give by --with what was registered in the workspace by such files.",
        )
    book.assets[kind, str(name)] = root
    if kind in ("data", "model"):
        for key in _ABOUT:
            root[key].seen()


def tell_unused(book: Book) -> None:
    """Say which of the files were not needed."""
    for root in book.assets.values():
        if root.file.read <= {(key,) for key in _ABOUT}:
            root.approximated("nothing: the pipeline names none of this")
