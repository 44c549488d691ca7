"""What a resumed run is compared with, beside the manifest's fields: source files, side inputs, models, ConfigMaps.

A run that goes on with another script, threshold or model than it began with would mix two jobs in one output without
a word. So what may not change is recorded when the run is prepared, in a form that can name what did. The input itself
is compared by the agent, file by file, when it plans again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def fingerprint(path: Path) -> str:
    """Of a file or folder that is used whole, by names, sizes and times; "" where it is not there."""
    whole = hashlib.sha256()
    for name, status in _entries(path):
        whole.update(os.fsencode(name) + b"\0%d %d\0" % (status.st_size, status.st_mtime_ns))
    return whole.hexdigest() if path.exists() else ""


def fingerprints(paths: Mapping[str, str]) -> dict[str, str]:
    """:func:`fingerprint` by name, of paths by name."""
    return {name: fingerprint(Path(path)) for name, path in paths.items()}


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names whose fingerprint or digest is another, or is missing on one side, in order."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


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
