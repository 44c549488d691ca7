"""Writing files: a crash leaves the old one or the new one, and a full volume is told apart from other errors."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from parallelrun.api.errors import NoSpace, OutputError, is_full


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError met while writing ``path`` into NoSpace (full volume, quota) or OutputError (all else)."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise NoSpace(
                f"No space left for {path}: {error.strerror}",
                "Free some space on that volume (or raise its quota); the work goes on by itself.",
            ) from error
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}",
            "Check that the folder exists, is writable for this user and is on a healthy volume.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make renames, creations and deletions in ``folder`` durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """All of ``data``, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def replace(temporary: Path, path: Path) -> None:
    """Rename an fsynced ``temporary`` to ``path``, durably. Raises OSError."""
    os.replace(temporary, path)
    sync_folder(path.parent)


@contextmanager
def temporary_of(path: Path) -> Iterator[Path]:
    """A name beside ``path`` that nobody else has: a finalizer that was given up may still write. Gone in any case."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
    finally:
        with suppress(OSError):  # renamed, as a rule
            os.unlink(temporary)


def write_file(path: Path, content: bytes) -> None:
    """Write a small file durably and in one step; its folder is made if need be. Raises NoSpace or OutputError."""
    with writing(path), temporary_of(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            write_all(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        replace(temporary, path)


def remove(path: Path) -> None:
    """Delete ``path`` if it is there. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path)
