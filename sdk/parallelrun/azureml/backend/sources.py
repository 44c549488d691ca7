"""The folder with a step's script, and what the script runs in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import source_files
from parallelrun.api.errors import SourceError
from parallelrun.azureml.backend import environments
from parallelrun.azureml.backend.support import NotAvailableHere

if TYPE_CHECKING:
    from parallelrun.azureml.core.environment import Environment
    from parallelrun.azureml.core.workspace import Workspace

Json = dict[str, Any]
#: Beside notebooks; no part of any script.
LEFT_OUT = (".parallelrun", "runs", "__pycache__", ".ipynb_checkpoints", ".git", ".azureml")


def source(
    workspace: Workspace, environment: Environment | str | None, folder: str | None, variables: Mapping[str, str]
) -> tuple[Json, Json]:
    """``source`` and ``environment`` of a job. Raises SourceError for a folder that is not there.

    Where a conda file has to be beside the script, or the folder is that of the notebook, a copy is the source.
    """
    place = Path(folder or ".").absolute()
    if not place.is_dir():
        raise SourceError(f"source_directory {folder!r} is no folder.", "Name the folder with the script.")
    made: Json = {}
    if isinstance(environment, str):
        made = {"name": environment}
    elif environment is not None:
        if not hasattr(environment, "python"):
            raise NotAvailableHere(
                f"ParallelRunConfig(environment={environment!r}) has no counterpart here.", "Give an Environment."
            )
        made = environments.fields(environment, workspace._settings, alone=True)
    if variables:
        added = [{"name": name, "value": str(value)} for name, value in variables.items()]
        kept = [one for one in made.get("env", []) if one["name"] not in variables]
        made["env"] = [*kept, *added]
    conda = environments.conda_file(made, workspace._settings)
    if conda is not None or any((place / name).exists() for name in (".parallelrun", "runs")):
        place = _staged(place, conda, workspace._settings.pipelines / "code")
    return {"directory": str(place)}, made


def _staged(place: Path, conda: Path | None, folder: Path) -> Path:
    """A copy in a folder that its content names: a run that goes on keeps its own."""
    files = source_files.files(place, lambda path: os.path.basename(path) in LEFT_OUT)
    digests = source_files.digests(place, files)
    if conda is not None:
        digests[conda.name] = conda.stem
    target = folder / source_files.combined(digests)[:16]
    if not target.exists():
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        source_files.copy(place, files, partial)
        if conda is not None:
            shutil.copyfile(conda, partial / conda.name)
        partial.rename(target)
    return target
