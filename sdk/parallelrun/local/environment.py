"""The job's private environment on this machine: what ``spec.environment`` lists, installed once and kept.

A venv puts the listed packages *before* those of the Python that runs parallelrun, which stand in for the packages of
the user's image; a conda environment stands alone. It is named by the interpreter and by all that is to be installed,
local files by their content. How it is made is the same in pods: :mod:`parallelrun_worker.environment`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api.errors import EnvironmentError_

if TYPE_CHECKING:
    from parallelrun.api.models import Environment


def ensure(wanted: Environment, source: Path, base: Path, say: Callable[[str], None]) -> str | None:
    """The interpreter of an environment that holds what ``wanted`` lists; None where it lists nothing.

    Files of requirements and of conda are in ``source``; relative paths in ``pip`` start at ``base``. ``say`` is told
    when something has to be installed. Raises EnvironmentError_ with the installer's last lines.
    """
    lines = tuple(line.strip() for line in wanted.pip if line.strip())
    if not (lines or wanted.requirements or wanted.conda):
        return None  # as with most jobs: what follows is not even imported

    from parallelrun_worker.environment import attempts, installers
    from parallelrun_worker.environment.not_made import NotMade
    from parallelrun_worker.environment.recipe import Recipe, contents, interpreter, key

    recipe = Recipe(
        str(base),
        lines,
        "" if wanted.requirements is None else str(source / wanted.requirements),
        "" if wanted.conda is None else str(source / wanted.conda),
    )

    def build(place: str) -> None:
        say(f"installing the job's packages into {place} (kept for later runs)")
        installers.build(recipe, place, _silent)

    try:
        folder = cache() / key([*interpreter(), *contents(recipe)])
        _make(folder.parent)
        return installers.python_of(attempts.ensure(str(folder), build, say))
    except NotMade as error:
        raise EnvironmentError_(str(error), error.hint) from error


def cache() -> Path:
    """The folder of all environments: ``$XDG_CACHE_HOME/parallelrun/environments``, by default below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "parallelrun" / "environments"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentError_(
            f"{folder} cannot be written to ({error.strerror}): environments are kept there.",
            "Set XDG_CACHE_HOME to a folder of your own.",
        ) from None


def _silent(_: str) -> None:
    """What installers print is shown where they fail only."""
