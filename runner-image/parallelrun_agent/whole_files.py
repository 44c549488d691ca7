"""Files and folders that are used whole, told apart by names, sizes and times: their content is never read for it."""

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
