"""Where a run may write: the output's folder, and the folders that the script writes itself.

An output folder of the user's choice is marked with its owner. The same job may replace its output there, and its old
``_SUCCESS`` goes first, so that nobody takes the old result for the new one; another job's folder is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api.errors import OutputError
from parallelrun.api.script_folders import below_job
from parallelrun.local.places import Places
from parallelrun_agent.output import owner

if TYPE_CHECKING:
    from parallelrun.api.models import ScriptOutput


def script_folders(outputs: Iterable[ScriptOutput], places: Places, folder: Path) -> dict[str, str]:
    """``spec.outputs`` by name, absolute. A relative path is below the run's ``folder``, so that runs do not mix.

    Raises ManifestError for a path that would be outside of it or among parallelrun's own files.
    """
    found = {}
    for number, output in enumerate(outputs):
        where = f"spec.outputs[{number}].path"
        if "://" in output.path or output.path.startswith("/"):
            found[output.name] = str(places.path(where, output.path))  # the script writes it: no object store
            continue
        found[output.name] = str(folder.joinpath(*below_job(where, output.path)))
    return found


def make(folders: Iterable[str]) -> None:
    """Create the folders that a script writes. Raises OutputError."""
    for path in folders:
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(path, error) from None


def claim(path: str | None, namespace: str, job: str, keep: bool = False) -> None:
    """Make the output folder ``path`` this job's, where it is one of the user's choice (None: the run's own).

    ``keep``: its ``_SUCCESS`` stays for now, as the run may take over what is there.
    Raises OutputError for another job's folder, or one that cannot be written to; NoSpace.
    """
    if path is not None and path.startswith("/"):  # that of an object store is claimed when there is something in it
        owner.claim(Path(path), namespace, job, lambda: keep)


def _cannot_write(path: str, error: OSError) -> OutputError:
    return OutputError(f"{path} cannot be written to ({error.strerror}).", "Choose a folder that you may write to.")
