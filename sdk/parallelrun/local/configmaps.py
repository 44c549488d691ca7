"""ConfigMaps without a cluster: documents of the manifest's own file, or what the kustomization beside it makes.

An example or a small job can bring code, model and images in ConfigMaps, so that one ``kubectl apply -k`` needs
nothing else; the same file has to run on a laptop, where nobody has applied anything. Each ConfigMap that a job
refers to becomes a folder with one file a key, below the run's folder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError

#: What kustomize puts behind a generated name: ten of these characters.
_HASH_SUFFIX = re.compile(r"-[bcdfghkmt2456789]{10}$")


class ConfigMaps:
    """The ConfigMaps that a manifest can refer to. A kustomization is read only where one is not in its file."""

    def __init__(
        self,
        documents: Iterable[Mapping[str, Any]],
        generated: Callable[[], Mapping[str, dict[str, bytes]]],
    ) -> None:
        """``documents``: all of the manifest's file; ``generated`` reads those of the kustomization, by name."""
        self._own = {name: content for name, content in map(parse, documents) if name}
        self._read_generated = generated
        self.used: dict[str, dict[str, bytes]] = {}  # what was asked for, by name

    @cached_property
    def _generated(self) -> Mapping[str, dict[str, bytes]]:
        return self._read_generated()

    def get(self, name: str, where: str) -> dict[str, bytes]:
        """Content by key. Raises ManifestError that names ``where``, the field, if there is no such ConfigMap."""
        found = _by_name(self._own, name)
        if found is None:
            found = _by_name(self._generated, name)
        if found is not None:
            self.used[name] = found
            return found
        raise ManifestError(
            f'{where}: there is no ConfigMap "{name}" in this file or in the kustomization.yaml beside it.',
            hints.known("ConfigMap", name, {*self._own, *self._generated}),
        )


def _by_name(maps: Mapping[str, dict[str, bytes]], name: str) -> dict[str, bytes] | None:
    """The ConfigMap of that name; else the one that differs only by the hash that kustomize appends."""
    if name in maps:
        return maps[name]
    base = _HASH_SUFFIX.sub("", name)
    matches = [content for other, content in maps.items() if _HASH_SUFFIX.sub("", other) == base]
    return matches[0] if len(matches) == 1 else None


def parse(document: Mapping[str, Any]) -> tuple[str, dict[str, bytes]]:
    """(name, content by key) of a ConfigMap document; ("", {}) of any other. Raises ManifestError."""
    if document.get("kind") != "ConfigMap":
        return "", {}
    name = str((document.get("metadata") or {}).get("name") or "")
    if not name:
        raise ManifestError("A ConfigMap in this file has no metadata.name.", "Give it one: metadata: {name: my-code}.")
    content = {}
    for key, text in (document.get("data") or {}).items():
        if not isinstance(text, str):
            raise ManifestError(f"ConfigMap {name}: data.{key} is {text!r}, not text.", "Put quotes around it.")
        content[str(key)] = text.encode()
    for key, text in (document.get("binaryData") or {}).items():
        content[str(key)] = _decoded(name, str(key), text)
    for key in content:
        check_key(f"ConfigMap {name}", key)
    return name, content


def _decoded(name: str, key: str, text: object) -> bytes:
    try:
        return base64.b64decode("".join(str(text).split()), validate=True)
    except binascii.Error as error:
        raise ManifestError(
            f"ConfigMap {name}: binaryData.{key} is not base64 ({error}).", f"Make it with: base64 -w0 {key}"
        ) from None


def check_key(where: str, key: str) -> None:
    """Raise ManifestError unless ``key`` may be a ConfigMap's key; such a key is a safe file name as well."""
    if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) or key in (".", ".."):
        raise ManifestError(f"{where}: {key!r} cannot be a key.", "Keys are made of letters, digits, '-', '_' and '.'.")


def write(content: Mapping[str, bytes], folder: Path) -> None:
    """Make ``folder`` hold one file for each key. A file that is right already keeps its time: plans compare it."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, data in content.items():
        path = folder / key
        if not path.is_file() or path.read_bytes() != data:
            partial = folder / ".partial"
            partial.write_bytes(data)
            os.replace(partial, path)


def read_all(folder: Path) -> dict[str, dict[str, bytes]]:
    """What :func:`write` wrote below ``folder``, a ConfigMap each: content by name."""
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: {file.name: file.read_bytes() for file in sorted(path.iterdir())} for path in names}


def digests(name: str, content: Mapping[str, bytes]) -> dict[str, str]:
    """``{"configmap://name/key": sha256}``, to see on a resume what has changed."""
    return {f"configmap://{name}/{key}": hashlib.sha256(data).hexdigest() for key, data in content.items()}


def digests_of(maps: Mapping[str, Mapping[str, bytes]]) -> dict[str, str]:
    """:func:`digests` of several."""
    return {key: digest for name, content in maps.items() for key, digest in digests(name, content).items()}
