"""Names of Kubernetes objects for what has names of its own."""

from __future__ import annotations

import hashlib
import re

_LIMIT = 63
_HASH = 6


def slug(name: str, version: str = "") -> str:
    """The name of the object that registers ``name``: ``mnist_datastore`` becomes ``mnist-datastore``."""
    text = f"{name}-{version}" if version else name
    parts = (re.sub(r"[^a-z0-9]+", "-", part).strip("-") for part in text.lower().split("."))
    made = ".".join(part for part in parts if part) or "x"
    return made if len(made) <= _LIMIT else other_slug(name, version)


def other_slug(name: str, version: str = "") -> str:
    """Another one, for where :func:`slug` is too long or taken by another name."""
    whole = f"{name}:{version}" if version else name
    mark = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    cut = re.sub(r"[^a-z0-9]+", "-", f"{name}-{version}".lower())[: _LIMIT - _HASH - 1].strip("-")
    return f"{cut}-{mark}" if cut else mark
