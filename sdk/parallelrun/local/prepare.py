"""Everything between a checked manifest and starting agents: a run's folder, prepared or opened again.

The order is that of cost: names and paths first, then code, then packages, which can take minutes, then folders
outside of the run's own. What fails leaves nothing behind. ``settings.json`` is written last: before it, there is no
run; after it, everything to resume the run is in its folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelrun.api import layout, spec_hash
from parallelrun.api.settings import JobSettings
from parallelrun.leases import header as headers
from parallelrun.leases.allocator import shards_for
from parallelrun.local import changes, code, configmaps, environment, models, outputs, resolve, reuse, run_folder
from parallelrun.local.credentials import Credentials
from parallelrun.local.ground import Ground


@dataclass(frozen=True)
class Prepared:
    """A run's folder, ready for its agents, with the lock on it: close it when the run is over."""

    folder: Path
    settings: JobSettings
    header: headers.Header  # as header.json holds it: of this generation, no grant
    lock: run_folder.Lock
    credentials: Credentials

    def close(self) -> None:
        """Let go of the folder, and delete the credentials."""
        self.credentials.close()
        self.lock.close()


def silent(_: str) -> None:
    """Says nothing: the default for ``say``."""


def fresh(
    ground: Ground, lock: run_folder.Lock, source: Path | None, manifest: Path, reuse_of: Sequence[Path] = ()
) -> Prepared:
    """A new run in the locked folder of ``ground``; see ``front_door.open_job`` for the rest."""
    spec = ground.job.spec
    settings = resolve.settings(ground)
    copied = code.copy(spec, ground.folder, ground.places, ground.config_maps, source)
    settings = with_hashes(settings, ground, copied, python_of(ground))
    settings = replace(settings, reuse_of=reuse.earlier_runs(reuse_of))
    return finish(ground, settings, copied, manifest, lock, new_header(settings, spec.node_limit))


def python_of(ground: Ground) -> str | None:
    """The interpreter for the job's processes, with its packages installed; None: the agent's own."""
    source = ground.folder / layout.SOURCE
    return environment.ensure(ground.job.spec.environment, source, ground.places.base, ground.say)


def with_hashes(settings: JobSettings, ground: Ground, copied: code.Code, python: str | None) -> JobSettings:
    """``settings`` with a new uid and all that was only known after the source was copied."""
    return replace(
        settings,
        uid=os.urandom(16).hex(),
        python=python,
        spec_hash=spec_hash.spec_hash(spec_hash.spec_of(ground.asked)),
        source_hash=copied.hash,
    )


def finish(
    ground: Ground,
    settings: JobSettings,
    copied: code.Code,
    manifest: Path,
    lock: run_folder.Lock,
    header: headers.Header,
) -> Prepared:
    """Claim the output's folder, make the script's, and write what makes ``ground.folder`` a run's folder."""
    folder = ground.folder
    outputs.claim(settings.output.path, settings.namespace, settings.name, keep=bool(settings.reuse_of))
    outputs.make(settings.outputs.values())
    models.link_only(settings.models, folder)
    for name, content in ground.config_maps.used.items():
        configmaps.write(content, folder / layout.CONFIG_MAPS / name)
    # Variables and signed addresses, as settings.json has them.
    run_folder.write(folder, layout.MANIFEST, _as_run(ground, manifest), mode=0o600)
    run_folder.write_json(folder, layout.PREPARED, record(ground, settings, copied, manifest), mode=0o600)
    run_folder.write_json(folder, layout.HEADER, header.to_json())
    run_folder.finish(folder, settings)
    return Prepared(folder, settings, header, lock, ground.credentials)


def record(ground: Ground, settings: JobSettings, copied: code.Code, manifest: Path) -> dict[str, Any]:
    """What ``prepared.json`` holds, for :mod:`parallelrun.local.resume` and :mod:`parallelrun.local.rerun`."""
    return {
        "manifest": os.path.abspath(manifest),
        "base": str(ground.places.base),
        "maps": ground.places.maps,
        "spec": spec_hash.spec_of(ground.asked),
        "source": {"origin": copied.origin, "digests": copied.digests},
        "documents": ground.found.documents,
        "register": list(ground.register),
        "kustomization": ground.kustomization,
        "used": [list(one) for one in ground.used],
        "resolved": ground.resolved,
        "config_maps": configmaps.digests_of(ground.config_maps.used),
        "files": changes.fingerprints(whole_files(settings)),
    }


def record_models(folder: Path, models: Mapping[str, str]) -> None:
    """Add the ``models``, versions by name, that scripts asked for, to what the run in ``folder`` took by name."""
    if not models:
        return
    whole = run_folder.read_json(folder, layout.PREPARED)
    resolved = whole.get("resolved") or {}
    known = {**models, **(resolved.get("models") or {})}
    run_folder.write_json(folder, layout.PREPARED, {**whole, "resolved": {**resolved, "models": known}}, mode=0o600)


def whole_files(settings: JobSettings) -> dict[str, str]:
    """The paths of what the job uses whole: side inputs and models, by what messages call them."""
    side_inputs = {f"side input {name}": path for name, path in settings.side_inputs.items()}
    return side_inputs | {f"model {one.name}": one.path for one in [*settings.models, *settings.registered_models]}


def new_header(settings: JobSettings, node_limit: int) -> headers.Header:
    """The header of a run that begins, with a shard for about every 64 nodes."""
    return headers.new(settings.uid, shards_for(node_limit), settings.spec_hash, settings.source_hash)


def _as_run(ground: Ground, manifest: Path) -> bytes:
    """The manifest as it is run, with what ``--set`` changed."""
    import yaml

    value = ground.asked.model_dump(mode="json", by_alias=True, exclude_unset=True)
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    return f"# {os.path.abspath(manifest)!r}, as it was run\n{text}".encode()
