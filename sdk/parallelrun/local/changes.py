"""What a resumed run is compared with: the manifest's fields, the source's files, side inputs, models, ConfigMaps.

A run that goes on with another script, threshold or model than it began with would mix two jobs in one output without
a word. So what may not change is recorded when the run is prepared, in a form that can name what did. The input itself
is compared by the agent, file by file, when it plans again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_NOTHING = "nothing"


def changed_fields(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """(field, value before, value now) of each leaf that differs, by dotted path: "spec.inputs[0].paths[1]"."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            change
            for key in sorted(before.keys() | now.keys())
            for change in changed_fields(before.get(key), now.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [change for number, (old, new) in pairs for change in changed_fields(old, new, f"{path}[{number}]")]
    return [] if before == now else [(path, before, now)]


def sentence(change: tuple[str, Any, Any]) -> str:
    """One changed field for people."""
    path, before, now = change
    return f"{path} was {_short(before)}, now {_short(now)}"


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


def _short(value: Any) -> str:
    if value is None:
        return _NOTHING
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
