"""The job's folder on its claim: made by whichever pod comes first, and the same for all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from parallelrun.api import layout, pod_layout
from parallelrun.api.settings import JobSettings
from parallelrun_agent.output import durable

#: Folders that agents and workers of all pods write to.
_FOLDERS = (layout.SEGMENTS, layout.TRIES, layout.OUTPUTS, layout.SYS, layout.PERF, layout.USER_STDOUT)


def make(folder: Path, settings: JobSettings, config: Path) -> None:
    """Make the folder with all that every pod expects in it. Raises NoSpace or OutputError."""
    make_folders([folder, *(folder / name for name in _FOLDERS), *_outputs(folder, settings)])
    for name in (layout.SETTINGS, layout.MANIFEST):
        _write_once(folder / name, (config / name).read_bytes())
    _link_only_model(folder, settings)


def make_folders(paths: Iterable[Path]) -> None:
    """Make folders for all of the pod's users, as far as the volume allows. Raises NoSpace or OutputError."""
    for path in paths:
        with durable.writing(path):
            path.mkdir(mode=0o775, parents=True, exist_ok=True)


def _outputs(folder: Path, settings: JobSettings) -> list[Path]:
    """What the script writes itself: below the job's folder by the path it has here, elsewhere as it is mounted."""
    return [_here(folder, Path(path)) for path in settings.outputs.values()]


def _here(folder: Path, path: Path) -> Path:
    inside = Path(pod_layout.JOB)
    return folder / path.relative_to(inside) if path.is_relative_to(inside) else path


def _write_once(path: Path, content: bytes) -> None:
    """What is there stays: later pods may have been given newer settings."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with durable.writing(path):
        temporary.write_bytes(content)
        durable.replace(temporary, path)


def _link_only_model(folder: Path, settings: JobSettings) -> None:
    """AZUREML_MODEL_DIR: a folder with nothing but the job's one model in it, under its own name."""
    if len(settings.models) != 1:
        return
    model = Path(settings.models[0].path)
    link = folder / layout.MODELS / model.name
    if os.path.islink(link) and os.readlink(link) == str(model):
        return
    temporary = folder / f".{model.name}.{secrets.token_hex(6)}"
    make_folders([link.parent])
    with durable.writing(link):
        temporary.symlink_to(model)
        temporary.replace(link)
