"""Where a run may write: the output's folder, and the folders that the script writes itself.

An output folder of the user's choice is marked with its owner. The same job may replace its output there, and its old
``_SUCCESS`` goes first, so that nobody takes the old result for the new one; another job's folder is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError, OutputError
from parallelrun.local.places import Places
from parallelrun_agent.output import owner

if TYPE_CHECKING:
    from parallelrun.api.models import ScriptOutput

#: First parts of names in a run's folder that are parallelrun's own.
_RESERVED = {
    layout.SUCCESS,
    layout.RESULT,
    layout.SETTINGS,
    layout.MANIFEST,
    layout.HEADER,
    layout.CONTROL,
    layout.SCHEMA,
    layout.SEGMENTS,
    layout.TRIES,
    layout.SOURCE,
    "logs",
    layout.CONFIG_MAPS,
    layout.MODELS,
    layout.PREPARED,
}


def script_folders(outputs: Iterable[ScriptOutput], places: Places, folder: Path) -> dict[str, str]:
    """``spec.outputs`` by name, absolute. A relative path is below the run's ``folder``, so that runs do not mix.

    Raises ManifestError for a path that would be outside of it or among parallelrun's own files.
    """
    found = {}
    for number, output in enumerate(outputs):
        where = f"spec.outputs[{number}].path"
        if "://" in output.path or output.path.startswith("/"):
            found[output.name] = str(places.path(where, output.path))
            continue
        parts = [part for part in PurePosixPath(output.path).parts if part != "."]
        if ".." in parts:
            raise ManifestError(
                f"{where}: {output.path} is outside the run's folder, where relative output paths start.",
                "Write an absolute path, or a name such as trained/.",
            )
        if not parts or parts[0] in _RESERVED or parts[0].startswith((".", layout.PLAN_PREFIX, layout.WINNERS_PREFIX)):
            raise ManifestError(
                f"{where}: {output.path} is parallelrun's own place in the run's folder.",
                "Choose another name, for example trained/.",
            )
        found[output.name] = str(folder.joinpath(*parts))
    return found


def make(folders: Iterable[str]) -> None:
    """Create the folders that a script writes. Raises OutputError."""
    for path in folders:
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(path, error) from None


def claim(path: str | None, namespace: str, job: str) -> None:
    """Make the output folder ``path`` this job's, where it is one of the user's choice (None: the run's own).

    Raises OutputError for another job's folder, or one that cannot be written to; NoSpace.
    """
    if path is not None:
        owner.claim(Path(path), namespace, job)


def _cannot_write(path: str, error: OSError) -> OutputError:
    return OutputError(f"{path} cannot be written to ({error.strerror}).", "Choose a folder that you may write to.")
