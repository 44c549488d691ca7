"""The job's folder on its claim: made by whichever pod comes first, and the same for all.

Scripts write to it as well, those of other pods at any moment: no link in it is followed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from parallelrun.api import layout, pod_layout
from parallelrun.api.settings import JobSettings
from parallelrun_agent import plain_files
from parallelrun_agent.output import durable
from parallelrun_agent.storage.places import is_url

#: Folders that agents and workers of all pods write to.
_FOLDERS = (layout.SEGMENTS, layout.TRIES, layout.OUTPUTS, layout.SYS, layout.PERF, layout.USER_STDOUT)


def make(folder: Path, settings: JobSettings, config: Path) -> None:
    """Make the folder with all that every pod expects in it. Raises NoSpace or OutputError."""
    make_folders([folder, *(path for path in map(Path, settings.outputs.values()) if not _inside(path))])
    own = [str(path.relative_to(pod_layout.JOB)) for path in map(Path, settings.outputs.values()) if _inside(path)]
    for name in (*_FOLDERS, *own):
        with durable.writing(folder / name), plain_files.folder(folder, name, make=True):
            pass
    for name in (layout.SETTINGS, layout.MANIFEST):
        _write_once(folder / name, (config / name).read_bytes())
    _link_only_model(folder, settings)


def _inside(path: Path) -> bool:
    """Whether the script's own output is below the job's folder: by the path that this has in the other containers."""
    return path.is_relative_to(pod_layout.JOB)


def make_folders(paths: Iterable[Path]) -> None:
    """Make folders for all of the pod's users, as far as the volume allows. Raises NoSpace or OutputError."""
    for path in paths:
        with durable.writing(path):
            path.mkdir(mode=0o775, parents=True, exist_ok=True)


def _write_once(path: Path, content: bytes) -> None:
    """What is there stays: later pods may have been given newer settings. Variables and signed addresses are in it."""
    if os.path.lexists(path):
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with durable.writing(path):
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        durable.replace(temporary, path)


def _link_only_model(folder: Path, settings: JobSettings) -> None:
    """AZUREML_MODEL_DIR: a folder with nothing but the job's one model in it, under its own name."""
    if len(settings.models) != 1 or is_url(settings.models[0].path):
        return  # the agent fetches one that is on an object store
    model = Path(settings.models[0].path)
    path = folder / layout.MODELS / model.name
    with (
        durable.writing(path),
        plain_files.folder(folder) as outer,
        plain_files.folder(folder, layout.MODELS, make=True) as inner,
    ):
        with suppress(OSError):
            if os.readlink(model.name, dir_fd=inner) == str(model):
                return
        temporary = f".{model.name}.{secrets.token_hex(6)}"
        os.symlink(model, temporary, dir_fd=outer)
        os.replace(temporary, model.name, src_dir_fd=outer, dst_dir_fd=inner)
