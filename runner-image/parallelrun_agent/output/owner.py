"""Whose output a folder of the user's choice holds: two jobs must never write over each other's.

A job's own earlier ``_SUCCESS`` goes before anything beside it changes. But not that of a job that is done: whoever
removes it was frozen for long, and somebody else has finished. The bytes beside it are the same whoever repeats them.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.errors import OutputError
from parallelrun.leases.header import Header, Phase
from parallelrun_agent.output import durable


def claim(folder: Path, namespace: str, name: str, is_done: Callable[[], bool] = lambda: False) -> None:
    """Make ``folder`` the output folder of job ``namespace``/``name``; the job's own earlier ``_SUCCESS`` is removed.

    ``is_done``: whether the job is. Raises OutputError where it is another job's, or cannot be written; NoSpace.
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
    clear_success(folder, is_done)


def owner(folder: Path) -> str:
    """``namespace/name`` of the job whose output ``folder`` holds; empty where there is none. Raises OSError."""
    try:
        return (folder / layout.OWNER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def is_done(folder: Path, uid: str) -> bool:
    """Whether the job ``uid`` in ``folder`` is, as the header there says, which says so before any other. OSError."""
    try:
        header = Header.from_json(json.loads((folder / layout.HEADER).read_bytes()))
    except FileNotFoundError:
        return False
    return header.job_uid == uid and header.phase is Phase.DONE


def clear_success(folder: Path, is_done: Callable[[], bool]) -> None:
    """Remove ``_SUCCESS``, durably, unless the job is done. Raises NoSpace or OutputError."""
    success = folder / layout.SUCCESS
    with durable.writing(success):
        if not success.exists() or is_done():
            return
        durable.remove(success)
        durable.sync_folder(folder)
        if is_done():  # meanwhile
            durable.write_file(success, b"")


def _write_marker(marker: Path, own: str) -> None:
    """Where two jobs do this at once, the first one's content stays, for both to see."""
    # No process number: that of every pod's first program is 1, and pods of a job do this at the same time.
    temporary = marker.with_name(f"{layout.OWNER}.{secrets.token_hex(6)}")
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
