"""What a job asks to have installed, and all that counts for what comes of it: two equal lists, one environment."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import site
import sys
import sysconfig
from typing import Iterator, NamedTuple

from parallelrun_worker.environment.not_made import NotMade

_INCLUDES = ("--requirement", "--constraint", "-r", "-c")
_EDITABLE = ("-e", "--editable")
#: In a conda file, an entry of its pip section that includes another file.
_CONDA_INCLUDE = re.compile(r"\s*-\s+['\"]?((?:-r|-c|--requirement|--constraint)[ =].+?)['\"]?\s*(?: #.*)?")


class Recipe(NamedTuple):
    """What is to be installed; one of the three is given."""

    base: str  #: absolute folder that relative paths in ``pip`` begin at
    pip: tuple[str, ...] = ()  #: requirements, a line each
    requirements: str = ""  #: absolute path of a requirements file
    conda: str = ""  #: absolute path of a conda environment file


def contents(recipe: Recipe) -> list[str]:
    """Every line that is asked for, with the hashes of local files that lines name. Raises NotMade."""
    found = list(_listed(recipe.pip, "spec.environment.pip", recipe.base))
    if recipe.requirements:
        found += _requirements(recipe.requirements, "spec.environment.requirements", ())
    if recipe.conda:
        found += _conda(recipe.conda, "spec.environment.conda")
    return found


def interpreter() -> list[str]:
    """What of this Python an environment made with it depends on, so that another one makes its own."""
    system = [platform.machine(), *platform.libc_ver()]
    return [sys.executable, platform.python_version(), sys.implementation.cache_tag, *system, *base_packages()]


def base_packages() -> list[str]:
    """Folders in which this Python has its own packages, in the order of its search."""
    paths = sysconfig.get_paths()
    found = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    return [path for number, path in enumerate(found) if os.path.isdir(path) and path not in found[:number]]


def key(parts: list[str]) -> str:
    """A name for a folder, the same for equal ``parts`` only."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _listed(lines: tuple[str, ...], where: str, base: str) -> Iterator[str]:
    """The requirement lines, and for one that is a local file what is in it."""
    for line in lines:
        if line.startswith(_EDITABLE):
            raise _local_folder(where, line)
        yield line
        path = os.path.join(base, line)
        if os.path.isdir(path) and ("/" in line or line.startswith(".")):
            raise _local_folder(where, line)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                yield hashlib.sha256(file.read()).hexdigest()


def _requirements(path: str, where: str, above: tuple[str, ...]) -> list[str]:
    """The lines of a requirements file and of those it includes."""
    found: list[str] = []
    for line in _read(path, where).splitlines():
        stripped = line.partition(" #")[0].strip()
        if not stripped or stripped.startswith("#"):
            continue
        found += _listed((stripped,), "%s: %s" % (where, path), os.path.dirname(path))
        included = _included(stripped)
        if included and "://" not in included and path not in above:
            found += _requirements(os.path.join(os.path.dirname(path), included), where, (*above, path))
    return found


def _conda(path: str, where: str) -> list[str]:
    """The text of a conda file, and the lines of requirements files that it includes."""
    text = _read(path, where)
    found = [text]
    for line in text.splitlines():
        match = _CONDA_INCLUDE.fullmatch(line)
        included = match and _included(match.group(1))
        if included:
            found += _requirements(os.path.join(os.path.dirname(path), included), where, ())
    return found


def _read(path: str, where: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        raise NotMade(
            "%s: %s does not exist." % (where, path), "It is looked for in the source folder; name it from there."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotMade("%s: %s cannot be read: %s." % (where, path, error)) from None


def _included(line: str) -> str:
    for option in _INCLUDES:
        if line.startswith(option):
            return line[len(option) :].lstrip(" =")
    return ""


def _local_folder(where: str, line: str) -> NotMade:
    return NotMade(
        "%s: %s is a folder: a change in it would go unnoticed, since environments are kept." % (where, line),
        "Put that code into the source folder, or build a wheel and name the wheel's file.",
    )
