"""The folder of a pipeline's run: ``pipeline.yaml`` and ``pipeline_request.json`` say what was asked,
``pipeline_result.json`` what became of it so far, ``steps/`` has each step's own run, ``data/`` what steps hand on."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.local import run_folder
from parallelrun.local.run_folder import Lock

MANIFEST = "pipeline.yaml"
REQUEST = "pipeline_request.json"
STEPS = "steps"
DATA = "data"


def holds_pipeline(folder: Path) -> bool:
    """Whether ``folder`` is that of a pipeline's run."""
    return (folder / layout.PIPELINE_RESULT).is_file()


def new(pipeline: str, output: Path | None) -> tuple[Path, Lock]:
    """A new run's folder, locked: ``output``, which is to be new or empty, or ``./runs/<pipeline>-<time>``.

    Raises RunFolderError and NoSpace.
    """
    if output is not None and holds_pipeline(output):
        raise RunFolderError(
            f"{output} holds a run already.", "Add --resume to go on with it, or choose another folder with --output."
        )
    return run_folder.new(pipeline, output)


def has_not_begun(folder: Path) -> bool:
    """Whether ``folder`` is that of a run that was killed before its first record."""
    return run_folder.looks_like_run(folder) and not run_folder.holds_run(folder) and not holds_pipeline(folder)


def discard(folder: Path) -> None:
    """Take back a new run's folder: nothing has run."""
    shutil.rmtree(folder, ignore_errors=True)


def existing(folder: Path) -> Path:
    """``folder`` as an absolute path, if it holds a pipeline's run; else RunFolderError."""
    path = Path(os.path.abspath(folder))
    if not holds_pipeline(path):
        what = "does not exist" if not path.exists() else "is not the folder of a pipeline's run"
        raise RunFolderError(f"{path} {what}: it has no {layout.PIPELINE_RESULT}.", "See the runs: parallelrun list")
    return path


def newest(pipeline: str) -> Path:
    """The run of ``pipeline`` in ./runs that was begun last. Raises RunFolderError if there is none."""
    found = earlier(pipeline, [Path(run_folder.RUNS)])
    if not found:
        raise RunFolderError(
            f'There is no run of the pipeline "{pipeline}" in {os.path.abspath(run_folder.RUNS)} to resume.',
            "Name its folder with --output DIR, or leave out --resume to start a new run.",
        )
    return found[0]


def earlier(pipeline: str, places: list[Path]) -> list[Path]:
    """Folders of the runs of ``pipeline`` directly below ``places``, the one that was begun last first."""
    found = {}
    for folder in (folder for place in places for folder in all_in(place)):
        with contextlib.suppress(RunFolderError):  # what is damaged is nobody's earlier run
            if read_result(folder).get("pipeline") == pipeline:
                found[os.path.realpath(folder)] = (begun(folder), str(folder))
    return [Path(folder) for _, folder in sorted(found.values(), reverse=True)]


def all_in(place: Path) -> Iterator[Path]:
    """The folders of pipelines' runs directly below ``place``, by name."""
    try:
        entries = sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    yield from (folder for folder in entries if holds_pipeline(folder))


def begun(folder: Path) -> float:
    """When a run was begun, as Unix time."""
    try:
        return (folder / MANIFEST).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def step(folder: Path, name: str) -> Path:
    """The folder of a step's own run."""
    return folder / STEPS / name


def data(folder: Path, step_name: str, output: str) -> str:
    """Where a step's output goes that has no path."""
    return str(folder / DATA / step_name / output)


def write_request(folder: Path, pipeline_yaml: str, request: Mapping[str, Any]) -> None:
    """Record what was asked. Raises RunFolderError and NoSpace."""
    run_folder.write(folder, MANIFEST, pipeline_yaml.encode(), mode=0o600)  # variables may hold what is secret
    run_folder.write_json(folder, REQUEST, request, mode=0o600)


def read_request(folder: Path) -> dict[str, Any]:
    """What was asked. Raises RunFolderError."""
    return run_folder.read_json(folder, REQUEST)


def write_result(folder: Path, value: Mapping[str, Any]) -> None:
    """Record what has become of it. Raises RunFolderError and NoSpace."""
    run_folder.write_json(folder, layout.PIPELINE_RESULT, value)
    run_folder.unmark(folder)


def read_result(folder: Path) -> dict[str, Any]:
    """What has become of it. Raises RunFolderError."""
    return run_folder.read_json(folder, layout.PIPELINE_RESULT)
