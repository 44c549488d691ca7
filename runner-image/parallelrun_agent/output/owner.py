"""Whose output a folder of the user's choice holds: two jobs must never write over each other's."""

from __future__ import annotations

import os
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.errors import OutputError
from parallelrun_agent.output import durable


def claim(folder: Path, namespace: str, name: str) -> None:
    """Make ``folder`` the output folder of job ``namespace``/``name``; the job's own earlier ``_SUCCESS`` is removed.

    Raises OutputError where it is another job's, or cannot be written; NoSpace.
    """
    own = f"{namespace}/{name}"
    marker = folder / layout.OWNER
    with durable.writing(marker):
        folder.mkdir(parents=True, exist_ok=True)
        if not owner(folder):  # an empty marker is one that a crash left
            _write_marker(marker, own)
    if (found := owner(folder)) != own:
        raise OutputError(
            f"{folder} holds the output of another job: {found}",
            f"Choose another spec.output.path, or remove that output together with its {layout.OWNER}.",
        )
    clear_success(folder)


def owner(folder: Path) -> str:
    """``namespace/name`` of the job whose output ``folder`` holds; empty where there is none. Raises OSError."""
    try:
        return (folder / layout.OWNER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def clear_success(folder: Path) -> None:
    """Remove ``_SUCCESS``, durably, before anything beside it changes. Raises NoSpace or OutputError."""
    success = folder / layout.SUCCESS
    with durable.writing(success):
        if success.exists():
            durable.remove(success)
            durable.sync_folder(folder)


def _write_marker(marker: Path, own: str) -> None:
    """Where two jobs do this at once, the first one's content stays, for both to see."""
    temporary = marker.with_name(f"{layout.OWNER}.{os.getpid()}.{own.replace('/', '.')}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        durable.write_all(fd, f"{own}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(temporary, marker)
    except FileExistsError:
        if not owner(marker.parent):
            os.replace(temporary, marker)
    except OSError:  # a file system without hard links
        os.replace(temporary, marker)
    durable.remove(temporary)
    durable.sync_folder(marker.parent)
