"""What a manifest is resolved against: what is registered beside it, ConfigMaps, maps, Secrets, the shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError
from parallelrun.api.store_urls import Stores
from parallelrun.local import configmaps, kustomize, registered
from parallelrun.local.configmaps import ConfigMaps
from parallelrun.local.credentials import Credentials
from parallelrun.local.places import Places
from parallelrun.local.registered import Found

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob
    from parallelrun.api.models import ParallelRunJob
    from parallelrun.api.models.datastore import DatastoreSpec

Json = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ground:
    """All of that for one run."""

    asked: ParallelRunJob  # as the manifest has it
    job: ParallelRunJob  # with what is registered in the place of names
    manifest: Path  # the file, absolute
    folder: Path  # the run's
    places: Places
    config_maps: ConfigMaps
    found: Found
    credentials: Credentials
    shell: Mapping[str, str]  # environment variables of whoever runs the job
    say: Say
    register: tuple[str, ...] = ()  # absolute folders of --register
    resolved: Json = field(default_factory=dict)  # what registered names stood for, as in status.resolved
    used: tuple[tuple[str, str, str], ...] = ()  # (kind, name, version) of these
    kustomization: str = ""  # absolute, the folder of -k


def of_manifest(
    loaded: LoadedJob,
    folder: Path,
    maps: Mapping[str, str],
    kustomization: Path | None,
    say: Say,
    register: Sequence[Path] = (),
) -> Ground:
    """Of ``loaded``, for a run in ``folder``.

    A ``kustomization`` that was asked for is read whole; one that only stands beside the manifest, for ConfigMaps that
    the manifest's own file does not have. Raises ManifestError.
    """
    path = Path(os.path.abspath(loaded.path))
    found = _searched(loaded, path, kustomization, register)
    config_maps = maps_of(loaded, kustomization)
    ground = _ground(loaded.job, path, folder, path.parent, maps, config_maps, found, say, register)
    return replace(ground, kustomization="" if kustomization is None else os.path.abspath(kustomization))


def of_resumed(
    loaded: LoadedJob,
    folder: Path,
    record: Mapping[str, Any],
    kustomization: Path | None,
    say: Say,
    register: Sequence[Path] = (),
) -> tuple[Ground, Found]:
    """Of ``loaded``, for the run in ``folder`` that goes on; and what is registered now.

    What the run began with counts, also where there is a higher version of something by now; but a datastore may have
    moved to another server, or have another Secret.
    """
    path = Path(os.path.abspath(loaded.path))
    folders = list(register) or [Path(one) for one in record.get("register", [])]
    now = _searched(loaded, path, kustomization, folders)
    before = registered.recorded(record["documents"])
    found = replace(now, entries=before.with_datastores_of(now))
    config_maps = maps_of(loaded, kustomization)
    return _ground(loaded.job, path, folder, path.parent, record["maps"], config_maps, found, say, folders), now


def of_run(job: ParallelRunJob, folder: Path, earlier: Path, record: Mapping[str, Any], say: Say) -> Ground:
    """Of ``job`` in ``folder``, where all it needs is in the folder of an ``earlier`` run; but for Secrets, which are
    looked for where they were."""
    config_maps = ConfigMaps([], lambda: configmaps.read_all(earlier / layout.CONFIG_MAPS))
    register = [Path(one) for one in record.get("register", [])]
    manifest = Path(record["manifest"])
    secrets = [*registered.secrets(manifest, register), *_generated_secrets(record.get("kustomization", ""))]
    found = registered.recorded(record["documents"], secrets)
    base = Path(record["base"])
    ground = _ground(job, manifest, folder, base, record["maps"], config_maps, found, say, register)
    return replace(ground, kustomization=record.get("kustomization", ""))


def _searched(loaded: LoadedJob, path: Path, kustomization: Path | None, register: Sequence[Path]) -> Found:
    made = kustomize.Kustomization() if kustomization is None else kustomize.load(kustomization)
    found = registered.search(path, loaded.documents, register, [file for file, _ in made.resources])
    return replace(found, secrets=(*found.secrets, *made.secrets))


def _generated_secrets(kustomization: str) -> list[Json]:
    """Of a run that was begun with -k, as far as they can still be made."""
    try:
        return kustomize.load(Path(kustomization)).secrets if kustomization else []
    except ManifestError:
        return []


@contextmanager
def closed_on_error(ground: Ground) -> Iterator[None]:
    """Deletes the credentials where nothing comes of it."""
    try:
        yield
    except BaseException:
        ground.credentials.close()
        raise


def maps_of(loaded: LoadedJob, kustomization: Path | None) -> ConfigMaps:
    """The ConfigMaps that ``loaded`` can refer to."""
    base = Path(os.path.abspath(loaded.path)).parent
    documents = list(loaded.documents)
    made = None if kustomization is None else kustomize.load(kustomization)
    if made is not None:
        here = os.path.realpath(loaded.path)
        documents += [document for path, document in made.resources if os.path.realpath(path) != here]

    def generated() -> Mapping[str, dict[str, bytes]]:
        if made is not None:
            return made.config_maps
        return kustomize.load(base).config_maps if kustomize.file_in(base) else {}

    return ConfigMaps(documents, generated)


def _ground(
    job: ParallelRunJob,
    manifest: Path,
    folder: Path,
    base: Path,
    maps: Mapping[str, str],
    config_maps: ConfigMaps,
    found: Found,
    say: Say,
    register: Sequence[Path],
) -> Ground:
    credentials = Credentials(found.secrets, say)

    def datastore(where: str, name: str) -> DatastoreSpec:
        with _looked_in(found):
            return found.registry.datastore(where, name)

    places = Places(base, maps, config_maps, folder, Stores(datastore, credentials.folder))
    merged, resolved, used = _merged(job, found, say)
    folders = tuple(os.path.abspath(one) for one in register)
    return Ground(
        job,
        merged,
        manifest,
        folder,
        places,
        config_maps,
        found,
        credentials,
        dict(os.environ),
        say,
        folders,
        resolved,
        used,
    )


def _merged(
    job: ParallelRunJob, found: Found, say: Say
) -> tuple[ParallelRunJob, Json, tuple[tuple[str, str, str], ...]]:
    spec = job.spec
    references = [spec.environment.name, spec.compute_target, *(one.dataset for one in spec.inputs)]
    if not any(references) and all(model.path is not None for model in spec.models):
        return job, {}, ()
    from parallelrun.api import merging

    with _looked_in(found):
        made = merging.resolve(job, found.registry)
    if made.job.spec.node_count < spec.node_count:
        say(f"spec.nodeCount: {made.compute_target} has {made.job.spec.node_count} nodes, not {spec.node_count}")
    resolved = {
        "models": made.models,
        "datasets": made.datasets,
        "environment": made.environment,
        "computeTarget": made.compute_target,
    }
    used = tuple((entry.kind.name, entry.name, entry.version) for entry in made.used)
    return made.job, {name: value for name, value in resolved.items() if value}, used


@contextmanager
def _looked_in(found: Found) -> Iterator[None]:
    """Says of what is not registered where it was looked for."""
    from parallelrun.api.registry import NotRegistered

    try:
        yield
    except NotRegistered as error:
        where = f" Looked in {', '.join(found.places)}; --register DIR names another folder." if found.places else ""
        raise ManifestError(error.message, f"{error.hint}{where}") from None
