"""A run that was killed or interrupted, opened again: nothing may have changed but what may change.

Finished mini-batches are not run again, so everything that they were made with has to be what it was. Whatever the
user gives again (manifest, source, maps) is compared with what was recorded, and refused by the name of the field or
file that differs; what is not given again is taken from the run's folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout, source_files, spec_changes, spec_hash
from parallelrun.api.errors import InputChanged, RunFolderError
from parallelrun.api.mutable import MUTABLE
from parallelrun.api.settings import JobSettings, StoreSettings
from parallelrun.leases import header as headers
from parallelrun.local import changes, code, configmaps, credentials, outputs, prepare, run_folder
from parallelrun.local import ground as grounds
from parallelrun.local.ground import Ground
from parallelrun.local.registered import Found

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob

_START_ANEW = "Put it back as it was, or start a new run without --resume."


def reopen(
    folder: Path,
    loaded: LoadedJob | None = None,
    *,
    source: Path | None = None,
    maps: Mapping[str, str] | None = None,
    kustomization: Path | None = None,
    register: Sequence[Path] = (),
    say: Callable[[str], None] = prepare.silent,
) -> prepare.Prepared:
    """The run in ``folder``, of the next generation; ``loaded`` is its manifest, where the user gave it again.

    Only ``nodeCount`` is taken from ``loaded``. Raises InputChanged that names what differs, and RunFolderError for
    a folder that is not a run's or that a live process holds.
    """
    folder = run_folder.existing(folder)
    lock = run_folder.Lock(folder)
    try:
        before, record = run_folder.read_settings(folder), run_folder.read_json(folder, layout.PREPARED)
        ground = _ground(folder, record, loaded, kustomization, register, say)
        with grounds.closed_on_error(ground):
            _same_manifest(record, ground)
            _same_maps(record, maps or {})
            if loaded is not None:
                _same_config_maps(record, ground)
            _same_source(record, ground, source)
            _same_files(record, before)
            settings = _settings_now(before, ground, loaded is not None)
            header = headers.resume(read_header(folder))
            for store in before.stores:
                credentials.discard(store.credentials)
            if header.phase is not headers.Phase.DONE:
                keep = bool(header.reused) or (bool(settings.reuse_of) and header.plan is None)
                outputs.claim(settings.output.path, settings.namespace, settings.name, keep)
                outputs.make(settings.outputs.values())
            run_folder.write_json(folder, layout.HEADER, header.to_json())
            run_folder.finish(folder, settings)
            return prepare.Prepared(folder, settings, header, lock, ground.credentials)
    except BaseException:
        lock.close()
        raise


def read_header(folder: Path) -> headers.Header:
    """The header of the run in ``folder``. Raises RunFolderError."""
    try:
        return headers.Header.from_json(run_folder.read_json(folder, layout.HEADER))
    except (TypeError, KeyError, ValueError) as error:
        raise RunFolderError(
            f"{folder / layout.HEADER} was written by another version of parallelrun ({error}).", "Start a new run."
        ) from None


def settings_with_credentials(
    folder: Path, say: Callable[[str], None], keep: Callable[[Callable[[], None]], object]
) -> JobSettings:
    """The settings of the run in ``folder``, with credentials of its datastores; ``keep`` is given what deletes them.

    Raises RunFolderError and ManifestError.
    """
    settings = run_folder.read_settings(folder)
    if not any(store.name for store in settings.stores):
        return settings
    record = run_folder.read_json(folder, layout.PREPARED)
    ground = grounds.of_run(recorded_manifest(folder).job, folder, folder, record, say)
    keep(ground.credentials.close)
    return replace(settings, stores=[_store_now(store, ground) for store in settings.stores])


def recorded_manifest(folder: Path, sets: list[str] | None = None) -> LoadedJob:
    """The manifest of the run in ``folder``, as it was run."""
    from parallelrun.api.manifest import load_manifest

    return load_manifest(folder / layout.MANIFEST, sets or [])


def _ground(
    folder: Path,
    record: dict[str, Any],
    loaded: LoadedJob | None,
    kustomization: Path | None,
    register: Sequence[Path],
    say: Callable[[str], None],
) -> Ground:
    """What to compare with: the manifest given now, or else the recorded one and the run's own ConfigMaps."""
    if loaded is None:
        return grounds.of_run(recorded_manifest(folder).job, folder, folder, record, say)
    ground, now = grounds.of_resumed(loaded, folder, record, kustomization, say, register)
    _same_registered(ground, now)
    return ground


def _same_registered(ground: Ground, now: Found) -> None:
    """What the run took from registered objects: those that are gone are let be, the record has them."""
    before, there = _specs(ground.found), _specs(now)
    for key in ground.used:
        changed = spec_changes.changed_fields(before[key], there.get(key, before[key]), "spec")
        if changed:
            name = " ".join(part for part in (*key[:2], f"version {key[2]}" if key[2] else "") if part)
            raise InputChanged(f"{name} is not what it was: {spec_changes.sentence(changed[0])}.", _START_ANEW)


def _specs(found: Found) -> dict[tuple[str, str, str], Any]:
    return {(entry.kind.name, entry.name, entry.version): entry.document.get("spec") for entry in found.entries}


def _same_manifest(record: dict[str, Any], ground: Ground) -> None:
    changed = spec_changes.changed_fields(record["spec"], spec_hash.spec_of(ground.asked))
    if changed:
        lines = "\n  ".join(spec_changes.sentence(change) for change in changed[:8])
        raise InputChanged(
            f"{ground.folder} was begun with another manifest:\n  {lines}",
            f"Only {', '.join(MUTABLE)} may change. {_START_ANEW}",
        )


def _same_maps(record: dict[str, Any], maps: Mapping[str, str]) -> None:
    for url, given in maps.items():
        before = record["maps"].get(url.rstrip("/"))
        if before is not None and before != os.path.abspath(given):
            raise InputChanged(f"--map {url} was {before}, now {os.path.abspath(given)}.", _START_ANEW)


def _same_config_maps(record: dict[str, Any], ground: Ground) -> None:
    names = {key[len("configmap://") :].partition("/")[0] for key in record["config_maps"]}
    now: dict[str, str] = {}
    for name in names:
        now |= configmaps.digests(name, ground.config_maps.get(name, "ConfigMap"))
    differing = changes.differing(record["config_maps"], now)
    if differing:
        raise InputChanged(f"{differing[0]} is not what it was when the run began.", _START_ANEW)


def _same_source(record: dict[str, Any], ground: Ground, given: Path | None) -> None:
    before = code.Code(record["source"]["origin"], record["source"]["digests"])
    if given is not None:
        root = code.origin_folder(ground.job.spec.source, ground.places, given)
        before = replace(before, origin=str(root))
    elif before.origin.startswith("configmap://"):
        return  # compared as a ConfigMap
    now = code.current(before, ground.folder)
    difference = "" if now is None else source_files.difference(before.digests, now)
    if difference:
        raise InputChanged(f"{before.origin}: {difference} since the run began.", _START_ANEW)


def _same_files(record: dict[str, Any], settings: JobSettings) -> None:
    differing = changes.differing(record["files"], changes.fingerprints(prepare.whole_files(settings)))
    if differing:
        raise InputChanged(f"The {differing[0]} is not what it was when the run began.", _START_ANEW)


def _settings_now(settings: JobSettings, ground: Ground, given: bool) -> JobSettings:
    """With the node count asked for now, and with packages that are there (the cache may have been cleared)."""
    if given:
        settings = replace(settings, node_count=ground.job.spec.node_count)
    stores = [_store_now(store, ground) for store in settings.stores]
    settings = replace(settings, stores=stores)
    if settings.python is not None and not os.path.exists(settings.python):
        settings = replace(settings, python=prepare.python_of(ground))
    return settings


def _store_now(store: StoreSettings, ground: Ground) -> StoreSettings:
    """With the credentials of this process; those of the earlier one went with it."""
    if not store.name:
        return store
    return ground.places.stores.locate("spec", f"datastore://{store.name}/").store or store
