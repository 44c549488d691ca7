"""Folders that belong to one process: it holds a lock on each for as long as it lives, so others know what is left."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until it is closed; None where another process has it.

    None too where ``folder`` is a link, or is not there any more. Raises OSError.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
