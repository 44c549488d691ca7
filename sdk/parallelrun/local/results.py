"""What a run that is done left: its output, and the folders that the script wrote itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from parallelrun.api import store_urls
from parallelrun.api.errors import RunFolderError
from parallelrun.local.run_folder import read_settings
from parallelrun.local.runs import State


def maker(run: State) -> Path:
    """The folder of the run whose results these are: its own, or that of the one whose results it took over.

    Raises RunFolderError where that is gone.
    """
    origin = run.result.get("reusedFrom")
    if origin is None or not Path(origin).is_absolute():  # in the copy of a job of a cluster all is in its own folder
        return run.folder
    if not Path(origin).is_dir():
        raise RunFolderError(
            f"{run.folder} took over the results of {origin}, and that run's folder is no longer there.",
            "Make them anew: parallelrun rerun",
        )
    return Path(origin)


def output_file(run: State) -> Path | None:
    """The output of a run that is done, also where its folder was copied elsewhere; None for SummaryOnly."""
    folder = maker(run)
    settings = read_settings(folder).output
    if settings.action == "SummaryOnly":
        return None
    # What goes to an object store is merged in the run's folder, and stays there.
    parent = folder if settings.path is None or store_urls.is_store_url(settings.path) else Path(settings.path)
    path = parent / Path(str((run.result.get("output") or {}).get("path") or settings.file_name)).name
    if not path.is_file():
        raise RunFolderError(f"The output {path} is no longer there.", "Make it anew: parallelrun rerun")
    return path


def own_outputs(folder: Path) -> list[Path]:
    """The folders that the script wrote; those below the run's folder are found there, wherever that is now."""
    found = []
    for name, place in read_settings(folder).outputs.items():
        candidates = [folder / "outputs" / name, Path(place)]
        found += [path for path in candidates if path.is_dir()][:1]
    return found


def copied(target: Path, run: State) -> list[Path]:
    """Copies of all of these in the folder ``target``, which is made if need be. Raises RunFolderError."""
    main, found = output_file(run), []
    target.mkdir(parents=True, exist_ok=True)
    for path in [*([main] if main is not None else []), *own_outputs(maker(run))]:
        copy = target / path.name
        if copy.exists() and copy.samefile(path):
            raise RunFolderError(f"{path} is in {target} already.")
        if path.is_dir():
            shutil.copytree(path, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, partial := target / f".{path.name}.tmp")
            partial.replace(copy)
        found.append(copy)
    return found
