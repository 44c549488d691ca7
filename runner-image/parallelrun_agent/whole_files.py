"""Files and folders that are used whole, told apart by names, sizes and times: of ConfigMaps alone by their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def fingerprint(path: Path) -> str:
    """Of a file or folder, by names, sizes and times; "" where it is not there."""
    whole = hashlib.sha256()
    for name, status in _entries(path):
        whole.update(os.fsencode(name) + b"\0%d %d\0" % (status.st_size, status.st_mtime_ns))
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
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            if os.path.exists(file):
                found.append((os.path.relpath(file, path), os.stat(file)))
    return sorted(found, key=lambda entry: entry[0])
