"""Files and folders that are used whole, told apart by names, sizes and times: of ConfigMaps alone by their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def fingerprint(path: Path, changes: bool = False) -> str:
    """Of a file or folder, by names, sizes and times; "" where it is not there.

    ``changes``: by the time of the last change of each file as well, which nobody can set. It tells a file that was put
    in another's place with its time kept; but a volume may have it changed whenever it is mounted.
    """
    whole = hashlib.sha256()
    for name, status in _entries(path):
        changed = b" %d" % status.st_ctime_ns if changes else b""
        whole.update(os.fsencode(name) + b"\0%d %d%s\0" % (status.st_size, status.st_mtime_ns, changed))
    return whole.hexdigest() if path.exists() else ""


def content(path: Path) -> str:
    """Of a file or folder of a mounted ConfigMap, by names and bytes; "" where it is not there."""
    whole = hashlib.sha256()
    if not path.exists():
        return ""
    for name in sorted(os.listdir(path)) if path.is_dir() else [""]:
        if name.startswith(".."):  # the mount's own: ..data and a folder for each change, which has the files
            continue
        whole.update(os.fsencode(name) + b"\0" + hashlib.sha256((path / name).read_bytes()).digest())
    return whole.hexdigest()


def _entries(path: Path) -> Iterable[tuple[str, os.stat_result]]:
    if not path.is_dir():
        return [("", path.stat())] if path.exists() else []
    return sorted(_below(str(path), "", ()), key=lambda entry: entry[0])


def _below(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.stat_result]]:
    """Links are followed, but never in a circle and never to nowhere."""
    here = os.stat(folder)
    if (identity := (here.st_dev, here.st_ino)) in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and not os.path.exists(entry.path):
                continue
            if entry.is_dir():
                yield from _below(entry.path, f"{prefix}{entry.name}/", (*above, identity))
            else:
                yield prefix + entry.name, entry.stat()
