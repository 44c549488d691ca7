"""The folder on a node where files of mini-batches are while they are needed.

In a pod it is the pod's own. On one machine each agent has one for itself, named by node and holder: an agent that was
frozen, and thaws when others do its work, must not remove what they read. Its owner holds a lock on it for as long as
it lives, so that whoever comes later knows what is left over.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from parallelrun.api.folder_lock import locked
from parallelrun.api.settings import InputSettings
from parallelrun_agent import cache_names
from parallelrun_agent.cache_names import INPUTS

log = logging.getLogger(__name__)

PARTS = "parts"
AGENTS = "agents"
#: Between two looks at whether a folder is free.
LOOK_SECONDS = 0.02
_CLASHES = (FileExistsError, NotADirectoryError)


class Cache:
    """Files by the paths that they were promised; knows nothing of what is in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, str] = {}  # URLs by the path that was promised, there or not
        self._folders: Counter[str] = Counter()  # by how many of these are below
        self._kept: set[str] = set()  # folders that stay when nothing is in them
        self._lock: int | None = None

    def own(self, inputs: Iterable[str]) -> None:
        """Make the folder, empty but for those of ``inputs``, and lock it. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while (lock := locked(self.folder)) is None:  # somebody looks whether it is left over
            time.sleep(LOOK_SECONDS)
            self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock
        for folder in self._own_folders(inputs):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._kept.add(str(folder))
        self._kept.add(str(self.folder / INPUTS))

    def input_file(self, one: InputSettings, url: str) -> str:
        """The absolute path for an object of an input, its folder made. Raises OSError, NoFileName."""
        try:
            return self._promise(f"{INPUTS}/{one.name}/{cache_names.of_input(one, url)}", url)
        except _CLASHES:  # one object's key is another one's folder
            return self._promise(f"{INPUTS}/{one.name}/{cache_names.odd(url)}", url)

    def part_file(self, mini_batch: int, number: int, url: str) -> str:
        """The absolute path for what a mini-batch needs of a table's file. Raises OSError."""
        return self._promise(f"{PARTS}/{mini_batch}/{cache_names.part(number, url)}", url)

    def scratch(self) -> Path:
        """A path for a file that its maker deletes."""
        return self.folder / PARTS / f".scratch-{secrets.token_hex(4)}"

    def remove(self, path: str) -> None:
        """Take a promise back and delete the file, and folders that nothing else is in; other paths are let be."""
        if self._files.pop(path, None) is None:
            return
        with suppress(FileNotFoundError):
            os.unlink(path)
        for folder in self._above(path):
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]
                if folder not in self._kept:
                    with suppress(OSError):
                        os.rmdir(folder)

    def close(self) -> None:
        """Delete everything and let go of the folder."""
        for folder in sorted(self._kept):
            shutil.rmtree(folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        with suppress(OSError):
            self.folder.rmdir()

    def _own_folders(self, inputs: Iterable[str]) -> list[Path]:
        return [self.folder / PARTS, *(self.folder / INPUTS / name for name in inputs)]

    def _promise(self, relative: str, url: str) -> str:
        path = os.path.join(self.folder, relative)
        if self._files.get(path) == url:
            return path
        above = list(self._above(path))
        if path in self._files or path in self._folders or any(folder in self._files for folder in above):
            raise FileExistsError(errno.EEXIST, "a file and a folder of one name", path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._files[path] = url
        self._folders.update(above)
        return path

    def _above(self, path: str) -> Iterator[str]:
        """The folders that hold ``path``, innermost first, within our own."""
        top = len(str(self.folder)) + 1
        at = path.rfind("/")
        while at > top:
            yield path[:at]
            at = path.rfind("/", 0, at)


def for_agent(base: Path, name: str, inputs: Iterable[str], shared: bool) -> Cache:
    """The cache of an agent, which others on this machine have beside theirs where ``base`` is ``shared``.

    ``name`` is unique for ever. What agents that are gone left behind is removed. Raises OSError.
    """
    if shared:
        _remove_left_over(base)
    cache = Cache(base / AGENTS / name if shared else base)
    cache.own(inputs)
    return cache


def _remove_left_over(base: Path) -> None:
    for folder in sorted((base / AGENTS).glob("*")):
        lock = locked(folder)
        if lock is not None:
            log.info("removing %s, which an agent that is gone left behind", folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
