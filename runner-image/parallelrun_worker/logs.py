"""Where the script's output goes: prints to the process's own files, log records to its entry script log.

The host has already pointed stdout and stderr at files. Records of the root logger, and so of ``azureml`` and all
others that pass theirs on, go to one file per process and are not printed as well. Importing ``logging`` takes longer
than many a script, so this waits until the script imports it.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_FORMAT = "%(asctime)s|%(levelname)s|%(name)s|%(process)d|%(message)s"


def prepare_streams() -> None:
    """Line by line into the files, in UTF-8, whatever the image's locale; a print never fails.

    Not for a character, and not because the volume is full: that pauses the job, and is no script's fault.
    """
    sys.stdout = _stream(1, "<stdout>")
    sys.stderr = _stream(2, "<stderr>")


def _stream(descriptor: int, name: str) -> io.TextIOWrapper:
    raw = _Lossy(descriptor, "w", closefd=False)
    raw.name = name
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


class _Lossy(io.FileIO):
    """A log on a full volume loses lines; whoever prints does not see it."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return len(data)


def capture(path: str, level: str) -> None:
    """Send log records of ``level`` and above to ``path`` from the moment that ``logging`` is imported."""
    if "logging" in sys.modules:
        _install(path, level)
    else:
        sys.meta_path.insert(0, _WhenImported(path, level))


def _install(path: str, level: str) -> None:
    import logging

    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)
    logging.getLogger("azureml").setLevel(level)


class _WhenImported:
    """Finds ``logging`` as usual, and installs the handler before its importer goes on."""

    def __init__(self, path: str, level: str) -> None:
        self._path = path
        self._level = level

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _install(self._path, self._level)

        loader.exec_module = exec_module


def file_name(process: int) -> str:
    """``process000``: a worker process's name in files, as the agent writes it."""
    return "process%03d" % process


def log_path(folder: str, process: int) -> str:
    """The entry script log of one process."""
    return os.path.join(folder, file_name(process) + ".log.txt")
