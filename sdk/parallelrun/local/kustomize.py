"""The small part of kustomize that a job needs on a laptop: ``resources``, ``configMapGenerator``, ``secretGenerator``.

No kubectl is needed. Fields that only label things are passed over; anything that would change what the job is
(patches, prefixes, components) is refused by its name, since running something else than ``kubectl apply -k`` would
run is worse than not running.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.local import configmaps

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_HARMLESS = {
    "apiVersion",
    "kind",
    "metadata",
    "namespace",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "generatorOptions",
    "configurations",
    "sortOptions",
}
_CONFIG_MAPS, _SECRETS = "configMapGenerator", "secretGenerator"
_GENERATOR_FIELDS = {"name", "namespace", "files", "literals", "options"}


@dataclass
class Kustomization:
    """What a kustomization makes."""

    resources: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)  # (file, document), in order
    config_maps: dict[str, dict[str, bytes]] = field(default_factory=dict)  # by name without hash: content by key
    secrets: list[dict[str, Any]] = field(default_factory=list)  # documents


def file_in(folder: Path) -> Path | None:
    """The kustomization file of a folder, or None."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def load(folder: Path) -> Kustomization:
    """Everything that the kustomization in ``folder`` makes. Raises ManifestError, with file and field."""
    result = Kustomization()
    _load(folder, result, ())
    return result


def job_file(folder: Path) -> Path:
    """The file, among the resources of the kustomization in ``folder``, that holds its one ParallelRunJob."""
    jobs = [path for path, document in load(folder).resources if document.get("kind") == "ParallelRunJob"]
    if len(jobs) == 1:
        return jobs[0]
    if jobs:
        names = ", ".join(str(path) for path in jobs)
        raise ManifestError(
            f"{folder} holds {len(jobs)} ParallelRunJobs: {names}.", "Run one of these files by itself."
        )
    raise ManifestError(f"No resource of {folder} is a ParallelRunJob.", "Add the job's file to its resources.")


def _load(folder: Path, result: Kustomization, above: tuple[Path, ...]) -> None:
    path = file_in(folder)
    if path is None:
        raise ManifestError(f"{folder} holds no kustomization.yaml.", hints.missing_path(folder / NAMES[0]))
    if folder.resolve() in above:
        raise ManifestError(f"{path}: resources lead back to this folder.", "Take the circle out.")
    content = _read(path)
    for key in content.keys() - _HARMLESS - {"resources", _CONFIG_MAPS, _SECRETS}:
        raise ManifestError(
            f"{path}: {key} is not understood by local runs, which know resources, {_CONFIG_MAPS} and {_SECRETS}.",
            "Write the result of `kubectl kustomize` to a file and run that.",
        )
    for entry in _list(path, content, "resources"):
        _resource(folder, path, str(entry), result, (*above, folder.resolve()))
    for generator in _list(path, content, _CONFIG_MAPS):
        name, data = _generated(folder, path, _CONFIG_MAPS, generator, _GENERATOR_FIELDS)
        result.config_maps[name] = data
    for generator in _list(path, content, _SECRETS):
        result.secrets.append(_secret(*_generated(folder, path, _SECRETS, generator, {*_GENERATOR_FIELDS, "type"})))


def _resource(folder: Path, path: Path, entry: str, result: Kustomization, above: tuple[Path, ...]) -> None:
    if "://" in entry or entry.startswith(("git@", "github.com/")):
        raise ManifestError(f"{path}: resources: {entry} is not a local file.", "Fetch it and name the file instead.")
    target = folder / entry
    if target.is_dir():
        _load(target, result, above)
    elif target.is_file():
        for document in _documents(target):
            result.resources.append((target, document))
            name, data = configmaps.parse(document)
            if name:
                result.config_maps[name] = data
    else:
        raise ManifestError(f"{path}: resources: {entry} does not exist.", hints.missing_path(target))


def _secret(name: str, content: dict[str, bytes]) -> dict[str, Any]:
    data = {key: base64.b64encode(value).decode() for key, value in content.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def _generated(folder: Path, path: Path, kind: str, generator: Any, fields: set[str]) -> tuple[str, dict[str, bytes]]:
    if not isinstance(generator, dict) or not generator.get("name"):
        raise ManifestError(f"{path}: an entry of {kind} has no name.", "Write: - name: my-code")
    name = str(generator["name"])
    where = f"{path}: {kind} {name}"
    for key in generator.keys() - fields:
        raise ManifestError(f"{where}: {key} is not understood by local runs.", "Use files and literals.")
    content: dict[str, bytes] = {}
    for key, data in (*_files(folder, where, generator), *_literals(where, generator)):
        configmaps.check_key(where, key)
        if key in content:
            raise ManifestError(f"{where}: the key {key} is there twice.", "Name one of them: files: [other=path].")
        content[key] = data
    return name, content


def _files(folder: Path, where: str, generator: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for entry in generator.get("files") or []:
        key, equals, name = str(entry).rpartition("=")
        source = folder / name
        try:
            yield (key if equals else source.name), source.read_bytes()
        except FileNotFoundError:
            raise ManifestError(f"{where}: the file {name} does not exist.", hints.missing_path(source)) from None
        except OSError as error:
            raise ManifestError(f"{where}: {source} cannot be read: {error.strerror}.") from None


def _literals(where: str, generator: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for entry in generator.get("literals") or []:
        key, equals, value = str(entry).partition("=")
        if not equals:
            raise ManifestError(f'{where}: the literal "{entry}" has no "=".', "Write it as key=value.")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""  # as kustomize does
        yield key, (value[1:-1] if quoted else value).encode()


def _list(path: Path, content: dict[str, Any], key: str) -> list[Any]:
    value = content.get(key) or []
    if not isinstance(value, list):
        raise ManifestError(f"{path}: {key} must be a list.", f"Write each entry of {key} on its own line, after '- '.")
    return value


def _read(path: Path) -> dict[str, Any]:
    documents = _documents(path)
    if len(documents) != 1:
        raise ManifestError(f"{path} must hold exactly one document with fields.", "An example: resources: [job.yaml]")
    return documents[0]


def _documents(path: Path) -> list[dict[str, Any]]:
    from parallelrun.api.documents import read_documents  # YAML is slow to import

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ManifestError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from None
    values = [document.value for document in read_documents(text, str(path))]
    return [value for value in values if isinstance(value, dict)]
