"""From a manifest on this machine to the objects that the API server is given. No connection is needed for it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api import entry_script as scripts
from parallelrun.api import source_files
from parallelrun.api.documents import read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import LoadedJob, load_manifest
from parallelrun.api.models.job import KIND
from parallelrun.cluster import packing
from parallelrun.kube.client import Json
from parallelrun.local import configmaps, kustomize, source

#: As the API server appends to generateName.
_RANDOM, RANDOM_LENGTH = "bcdfghjklmnpqrstvwxz2456789", 5


@dataclass(frozen=True)
class Submission:
    """What to apply: ``others`` first, then ``source``, then ``job``."""

    job: Json
    namespace: str
    others: list[Json] = field(default_factory=list)
    source: Json | None = None  # the ConfigMap that was packed of source.directory

    @property
    def objects(self) -> list[Json]:
        """All, in order."""
        return [*self.others, *([self.source] if self.source is not None else []), self.job]


def make(
    manifest: Path | None, folder: Path | None, sets: Sequence[str], namespace: str | None, default: str
) -> Submission:
    """Of exactly one of a manifest and a kustomization's ``folder``.

    ``namespace``: what the command line says; ``default``: for what says none. Raises ManifestError and SourceError.
    """
    kustomization = kustomize.load(folder) if folder is not None else None
    path = manifest if manifest is not None else kustomize.job_file(folder or Path())
    loaded = load_manifest(path, [*sets, *_generated_name(path)])
    said = _namespace_of(folder) if folder is not None else None
    return of_loaded(loaded, namespace, default, kustomization, said)


def of_loaded(
    loaded: LoadedJob,
    namespace: str | None,
    default: str,
    kustomization: kustomize.Kustomization | None = None,
    said: str | None = None,
) -> Submission:
    """Of a manifest that was read; ``said``: the namespace that its kustomization says. Raises as :func:`make`."""
    value: Json = loaded.job.model_dump(mode="json", by_alias=True, exclude_unset=True)
    chosen = chosen_namespace(said or value["metadata"].get("namespace"), namespace, default)
    value["metadata"]["namespace"] = chosen
    value["metadata"].pop("generateName", None)
    value.pop("status", None)
    others = _others(loaded, kustomization)
    packed = _packed(loaded, loaded.path, chosen)
    if packed is not None:
        value["spec"]["source"] = {"configMap": {"name": packed["metadata"]["name"]}}
    return Submission(value, chosen, [in_namespace(one, chosen) for one in others], packed)


def _generated_name(path: Path) -> list[str]:
    """metadata.name for a job that has only metadata.generateName, as a --set."""
    try:
        documents = read_documents(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError):
        return []  # load_manifest says it better
    for document in documents:
        value = document.value
        meta = value.get("metadata") if isinstance(value, dict) and value.get("kind") == KIND else None
        if isinstance(meta, dict) and isinstance(meta.get("generateName"), str) and not meta.get("name"):
            return [f"metadata.name={meta['generateName']}{random()}"]
    return []


def random() -> str:
    """What makes a name another one each time."""
    return "".join(secrets.choice(_RANDOM) for _ in range(RANDOM_LENGTH))


def _namespace_of(folder: Path) -> str | None:
    """The ``namespace`` field of a kustomization."""
    path = kustomize.file_in(folder)
    if path is None:
        return None
    documents = read_documents(path.read_text(encoding="utf-8"), str(path))
    return next((str(one.value["namespace"]) for one in documents if one.value.get("namespace")), None)


def chosen_namespace(own: str | None, said: str | None, default: str) -> str:
    """The one that the manifest or its kustomization names, its ``own``, or that was ``said``. Raises ManifestError."""
    if said is not None and own is not None and own != said:
        raise ManifestError(
            f"metadata.namespace: the manifest is for namespace {own}, and the command says {said}.",
            f"Leave out one of the two: --set metadata.namespace={said} changes the manifest's.",
        )
    return said or own or default


def _packed(loaded: LoadedJob, path: Path, namespace: str) -> Json | None:
    directory = loaded.job.spec.source.directory
    if directory is None:
        return None
    folder = source_files.folder("spec.source.directory", path.absolute().parent / directory)
    spec = loaded.job.spec
    return pack(folder, spec.entry_script, loaded.job.metadata.name, namespace, spec.run_once)


def pack(folder: Path, entry_script: str, job: str, namespace: str, run_once: bool = False) -> Json:
    """The ConfigMap of a folder with the entry script in it; ``run_once``: a program. Raises SourceError."""
    found = source.files(folder)
    scripts.check(entry_script, folder, source_files.digests(folder, found), shown=str(folder), run_once=run_once)
    return packing.config_map(packing.archive(folder), job, namespace)


def _others(loaded: LoadedJob, kustomization: kustomize.Kustomization | None) -> list[Json]:
    """The other documents of the file, or all that the kustomization makes but the job."""
    if kustomization is None:
        return [document for document in loaded.documents if document.get("kind") != KIND]
    made = kustomization.config_maps
    rest = [document for _, document in kustomization.resources if document.get("kind") not in (KIND, "ConfigMap")]
    return [*(as_config_map(name, content) for name, content in made.items()), *rest]


def as_config_map(name: str, content: Mapping[str, bytes]) -> Json:
    """A ConfigMap with that content; what is no text as binaryData."""
    value: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    for key, data in content.items():
        configmaps.check_key(f"ConfigMap {name}", key)
        try:
            value.setdefault("data", {})[key] = data.decode()
        except UnicodeDecodeError:
            value.setdefault("binaryData", {})[key] = base64.b64encode(data).decode()
    return value


def in_namespace(document: Json, namespace: str) -> Json:
    """``document`` in the job's namespace where it names none."""
    meta = document.get("metadata") or {}
    return {**document, "metadata": {**meta, "namespace": meta.get("namespace") or namespace}}
