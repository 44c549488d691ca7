"""Files that are fetched once and stay until the job is done: inputs of mode Download, side inputs and models.

Agents of one machine share them. A file is what it should be if it has the object's size and, as its modification
time, the object's version: that is set last, so that what a crash left is fetched again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from parallelrun.api.settings import InputSettings
from parallelrun_agent import cache_names
from parallelrun_agent.cache import INPUTS

SIDE_INPUTS = "side_inputs"
MODELS = "models"
_READ_ONLY = 0o444


class Store(Protocol):
    """What is asked of ``parallelrun_agent.storage.Storage``."""

    async def fetch(self, path: str, size: int, version: int, target: Path) -> None:
        """Fetch a whole object into a file that then appears at once."""


class Downloads:
    """Those below the folder ``base``."""

    def __init__(self, base: Path, store: Store) -> None:
        self.base = base
        self._store = store
        self._here: dict[str, tuple[str, int]] = {}  # URL and version by place

    async def input_file(self, one: InputSettings, url: str, size: int, version: int) -> str:
        """An object of an input, fetched unless it is here; its absolute path.

        Raises what the store raises, OSError, and ``cache_names.NoFileName``.
        """
        folder = self.base / INPUTS / one.name
        try:
            return await self.bring(folder / cache_names.of_input(one, url), url, size, version)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):  # one object's key is another one's folder
            return await self.bring(folder / cache_names.odd(url), url, size, version)

    async def bring(self, place: Path, url: str, size: int, version: int) -> str:
        """Fetch an object to ``place`` unless it is there. Raises what the store raises, and OSError."""
        name = str(place)
        if self._is_here(name, url, size, version):
            return name
        os.makedirs(place.parent, exist_ok=True)
        if place.is_dir():
            raise IsADirectoryError(name)
        await self._store.fetch(url, size, version, place)
        os.chmod(place, _READ_ONLY)
        os.utime(place, ns=(version, version))
        self._here[name] = (url, version)
        return name

    def _is_here(self, place: str, url: str, size: int, version: int) -> bool:
        if known := self._here.get(place):
            if known[0] != url:
                raise FileExistsError(f"{place} is {known[0]}, not {url}")
            return known[1] == version
        try:
            found = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if (found.st_size, found.st_mtime_ns) != (size, version):
            return False
        self._here[place] = (url, version)
        return True


def sha256_of(path: Path) -> str:
    """Of a file's bytes; of a folder: of its sorted lines ``<sha256>  <relative path>``. Raises OSError."""
    if not path.is_dir():
        return _of_file(path)
    files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    return _of_lines(f"{_of_file(path / name)}  {name}\n" for name in files)


def _of_lines(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(os.fsencode(line))
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
