"""The code of a job on this machine: which folder ``spec.source`` names, its copy in the run's folder, its checks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import entry_script as entry_scripts
from parallelrun.api import layout, source_archive, source_files
from parallelrun.api.errors import ManifestError
from parallelrun.local import configmaps, source
from parallelrun.local.configmaps import ConfigMaps
from parallelrun.local.places import Places

if TYPE_CHECKING:
    from parallelrun.api.models import ParallelRunJobSpec, Source


@dataclass(frozen=True)
class Code:
    """Where the code came from, and what it was."""

    origin: str  # the absolute path of a folder, or "configmap://name"
    digests: dict[str, str]  # by file name

    @property
    def hash(self) -> str:
        """One hash over names, permissions and bytes."""
        return source_files.combined(self.digests)


def copy(job: ParallelRunJobSpec, folder: Path, places: Places, maps: ConfigMaps, given: Path | None) -> Code:
    """Copy the source of a job into the run's ``folder`` and check its entry script; ``given`` stands for the source.

    Raises SourceError, ManifestError, RunFolderError and NoSpace.
    """
    spec, target = job.source, folder / layout.SOURCE
    if given is None and spec.config_map is not None:
        origin = f"configmap://{spec.config_map.name}"
        unpack(maps.get(spec.config_map.name, "spec.source.configMap"), target)
        digests = source_files.digests(target, source.files(target))
    else:
        root = origin_folder(spec, places, given)
        origin = str(root)
        digests = source.copy(root, source.files(root, Path(os.path.realpath(folder))), target)
    entry_scripts.check(job.entry_script, target, digests, origin, job.run_once)
    return Code(origin, digests)


def current(code: Code, folder: Path) -> dict[str, str] | None:
    """The digests that a copy from ``code``'s folder would have now; None where it is not there any more."""
    root = Path(code.origin)
    return source_files.digests(root, source.files(root, Path(os.path.realpath(folder)))) if root.is_dir() else None


def copy_of_run(base: Path, before: Code, job: ParallelRunJobSpec, folder: Path) -> Code:
    """Copy the code of the run in ``base``, as it was when that began, into the run's ``folder``.

    Raises InputChanged where the script wrote over its own files.
    """
    source.copy_again(base / layout.SOURCE, before.digests, folder / layout.SOURCE)
    entry_scripts.check(job.entry_script, folder / layout.SOURCE, before.digests, before.origin, job.run_once)
    return before


def origin_folder(spec: Source, places: Places, given: Path | None) -> Path:
    """The folder on this machine that holds the source. Raises SourceError or ManifestError."""
    if given is not None:
        return source_files.folder("--source", Path(os.path.abspath(given)))
    if spec.directory is not None:
        where = "spec.source.directory"
        return source_files.folder(where, places.path(where, spec.directory))
    if spec.claim is not None:
        where = "spec.source.claim"
        return source_files.folder(where, places.path(where, f"pvc://{spec.claim.name}/{spec.claim.path}"))
    what = f"spec.source.git: {spec.git.url}" if spec.git is not None else f"spec.source.imagePath: {spec.image_path}"
    raise ManifestError(f"{what} is not on this machine.", "Say which folder holds the same code here: --source DIR.")


def unpack(content: dict[str, bytes], target: Path) -> None:
    """Write a source ConfigMap as the new folder ``target``: its keys as flat files, or its one tar unpacked.

    Raises SourceError for a tar that is damaged or reaches outside of the folder.
    """
    name = next(iter(content), "")
    if len(content) != 1 or not name.endswith(source_archive.SUFFIXES):
        configmaps.write(content, target)
        return
    source_archive.unpack(name, content[name], target)
