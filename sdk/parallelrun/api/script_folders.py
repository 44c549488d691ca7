"""Where a script may write below the job's folder: anywhere but in parallelrun's own files."""

from __future__ import annotations

from pathlib import PurePosixPath

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError

#: First parts of names in a job's folder that are parallelrun's own.
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
    layout.CACHE,
}


def below_job(where: str, path: str) -> tuple[str, ...]:
    """The parts of a relative ``path``, the value of the field ``where``, below the job's folder.

    Raises ManifestError for a path that would be outside of it or among parallelrun's own files.
    """
    parts = tuple(part for part in PurePosixPath(path).parts if part != ".")
    if ".." in parts:
        raise ManifestError(
            f"{where}: {path} is outside the run's folder, where relative output paths start.",
            "Write a name such as trained/, or the whole path or URL of another folder.",
        )
    if not parts or parts[0] in _RESERVED or parts[0].startswith((".", layout.PLAN_PREFIX, layout.WINNERS_PREFIX)):
        raise ManifestError(
            f"{where}: {path} is parallelrun's own place in the run's folder.",
            "Choose another name, for example trained/.",
        )
    return parts
