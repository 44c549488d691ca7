"""Files that are fetched once and stay until the job is done: inputs of mode Download, side inputs and models.

Agents of one machine share them. A file is what it should be if it has the object's size and, as its modification
time, the object's version. It is made elsewhere and appears when it is whole: a folder of them shows nothing else to a
script, or to who checks it, while another agent still fetches the same.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from parallelrun.api.settings import InputSettings
from parallelrun_agent import cache_names
from parallelrun_agent.cache_names import INPUTS

SIDE_INPUTS = "side_inputs"
MODELS = "models"
_READ_ONLY = 0o444
_MAKING = ".making"


class Store(Protocol):
    """What is asked of ``parallelrun_agent.storage.Storage``."""

    async def fetch(self, path: str, size: int, version: int, target: Path) -> None:
        """Fetch a whole object into a file that then appears at once."""


class Downloads:
    """Those below the folder ``base``."""

    def __init__(self, base: Path, store: Store) -> None:
        self.base = base
        self._store = store
        self._grain = 0  # nanoseconds, of the disk's times; 0: not known yet

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
        if self._is_here(name, size, version):
            return name
        os.makedirs(place.parent, exist_ok=True)
        if place.is_dir():
            raise IsADirectoryError(name)
        made = self.base / _MAKING / secrets.token_hex(8)
        os.makedirs(made.parent, exist_ok=True)
        try:
            await self._store.fetch(url, size, version, made)
            os.chmod(made, _READ_ONLY)
            os.utime(made, ns=(version, version))
            os.rename(made, place)
        finally:
            made.unlink(missing_ok=True)
        return name

    def _is_here(self, place: str, size: int, version: int) -> bool:
        try:
            found = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if found.st_size != size:
            return False
        grain = self._grain = self._grain or _grain_of(self.base)
        return found.st_mtime_ns // grain == version // grain


def _grain_of(folder: Path) -> int:
    """How fine the times of files are in ``folder``: one nanosecond, or as some network disks have them."""
    probe = folder / f".times-{secrets.token_hex(4)}"
    probe.touch()
    try:
        for grain in (1, 100, 1000, 10**6, 10**9):
            os.utime(probe, ns=(grain, grain))
            if os.stat(probe).st_mtime_ns == grain:
                return grain
        return 2 * 10**9
    finally:
        probe.unlink()


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
