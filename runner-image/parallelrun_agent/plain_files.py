"""Files and folders where a script may have put links: nothing here follows one, in whatever part of a name.

Containers that prepare a pod see whole claims, scripts their own job's folder. A link that a script left there, or puts
there at this moment, must not lead what runs with more sight to another job's files. So each part of a name is
opened from the one before it, which cannot be replaced meanwhile.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: O_NONBLOCK: a pipe that somebody left does not block who opens it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def folder(root: Path, name: str = ".", *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder ``root/name``; with ``make`` it is made, and those between, for all of the group.

    ``root`` is the caller's to trust. Raises OSError, also where a part of ``name`` is a link.
    """
    at = os.open(root, _FOLDER)
    try:
        for part in PurePath(name).parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o775, dir_fd=at)
            inner = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def read(root: Path, name: str, limit: int) -> bytes:
    """The plain file ``root/name``, of at most ``limit`` bytes. Raises OSError."""
    with folder(root) as at, open(_opened(name, at), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"it is longer than {limit} bytes")
    return content


def link_all(source: Path, target: Path, name: str) -> None:
    """Bring every plain file directly in the folder ``source/name`` into ``target/name``. Raises OSError."""
    with folder(source, name) as there, folder(target, name, make=True) as here:
        for one in sorted(os.listdir(there)):
            _link(one, there, here)


def link(source: Path, target: Path, name: str) -> None:
    """Bring the plain file ``source/name`` into ``target``. Raises OSError."""
    with folder(source) as there, folder(target) as here:
        _link(name, there, here)


class NotPlain(Exception):
    """Something below a copied folder is neither a file nor a folder; the text is its name there."""


def copy_tree(source: Path, target: Path) -> None:
    """Copy all that is below ``source``, writable, into the folder ``target``. Raises NotPlain and OSError."""
    with folder(source) as there:
        _copy_below(there, "", target)


def _copy_below(there: int, below: str, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(os.listdir(there)):
        mode = os.stat(name, dir_fd=there, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            inner = os.open(name, _FOLDER, dir_fd=there)
            try:
                _copy_below(inner, f"{below}{name}/", target / name)
            finally:
                os.close(inner)
        elif stat.S_ISREG(mode):
            with open(_opened(name, there), "rb") as old, open(target / name, "wb") as new:
                shutil.copyfileobj(old, new)
            (target / name).chmod(stat.S_IMODE(mode) & 0o777 | 0o600)
        else:
            raise NotPlain(f"{below}{name}")


def _link(name: str, there: int, here: int) -> None:
    """What is there already stays; what is no plain file is left out."""
    if not stat.S_ISREG(os.stat(name, dir_fd=there, follow_symlinks=False).st_mode):
        return
    try:
        os.link(name, name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError:  # another file system, or one without hard links
        _copy(name, there, here)


def _copy(name: str, there: int, here: int) -> None:
    temporary = f".{name}.{secrets.token_hex(6)}"
    with (
        open(_opened(name, there), "rb") as old,
        open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o664, dir_fd=here), "wb") as new,
    ):
        shutil.copyfileobj(old, new)
    os.replace(temporary, name, src_dir_fd=here, dst_dir_fd=here)


def _opened(name: str, at: int) -> int:
    """A descriptor of a plain file. Raises OSError for anything else."""
    descriptor = os.open(name, _FILE, dir_fd=at)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a plain file")
    return descriptor
