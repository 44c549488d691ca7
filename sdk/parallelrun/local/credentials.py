"""Secrets without a cluster: documents beside the manifest, written to a private folder for as long as the run lasts.

They are never written into the run's folder, which people keep, copy and send to each other.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import ManifestError
from parallelrun.api.folder_lock import locked

if TYPE_CHECKING:
    from parallelrun.api.models.datastore import DatastoreSpec

KIND = "Secret"
_PREFIX = "parallelrun-credentials-"
#: Folders that are looked at when a run begins.
_MOST = 100
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


class Credentials:
    """The folders with what the datastores of one run are opened with; close it when the run is over."""

    def __init__(self, documents: Iterable[Mapping[str, Any]], say: Callable[[str], None]) -> None:
        """``documents``: those of kind Secret count; ``say`` is told of a Secret that is not among them."""
        self._secrets: dict[str, list[Mapping[str, Any]]] = {}
        for name, document in map(_named, documents):
            if name:
                self._secrets.setdefault(name, []).append(document)
        self._say = say
        self._root: Path | None = None
        self._lock = -1  # on it: it tells others that this process lives
        self._written: dict[str, str] = {}

    def folder(self, datastore: str, spec: DatastoreSpec) -> str:
        """The folder with the Secret of a datastore; "" where it names none, or one that is not here.

        Raises ManifestError for a Secret that cannot be read.
        """
        if spec.secret_ref is None:
            return ""
        if datastore not in self._written:
            self._written[datastore] = self._write(datastore, spec.secret_ref.name)
        return self._written[datastore]

    def close(self) -> None:
        """Delete them."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            os.close(self._lock)
            self._root = None
            self._written.clear()

    def _write(self, datastore: str, name: str) -> str:
        documents = self._secrets.get(name)
        if documents is None:
            self._say(
                f'Datastore {datastore}: the Secret "{name}" is not beside the manifest; what this shell has is used '
                "(AWS_ACCESS_KEY_ID, AZURE_STORAGE_ACCOUNT_KEY, GOOGLE_APPLICATION_CREDENTIALS and the like)"
            )
            return ""
        content, *others = [_content(name, document) for document in documents]
        if any(other != content for other in others):
            raise ManifestError(
                f'Datastore {datastore}: there is more than one Secret "{name}" beside the manifest, and they differ.',
                "Delete all but one.",
            )
        if self._root is None:
            self._root, self._lock = _new_root()
        folder = self._root / str(len(self._written))
        folder.mkdir(mode=0o700)
        for key, data in content.items():
            with open(os.open(folder / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        return str(folder)


def clear_left_over() -> None:
    """Delete the folders of this user's processes that were killed. What cannot be deleted is let be."""
    for base in _bases():
        for folder in sorted(Path(base).glob(f"{_PREFIX}*"))[:_MOST]:
            with suppress(OSError):
                if folder.lstat().st_uid == os.geteuid() and (lock := locked(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)


def discard(folder: str) -> None:
    """Delete what a killed process left; ``folder`` is as :meth:`Credentials.folder` said."""
    root = Path(folder).parent
    if root.name.startswith(_PREFIX):
        shutil.rmtree(root, ignore_errors=True)


def _new_root() -> tuple[Path, int]:
    """A private folder of this process, and the lock on it."""
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_bases()[0]))
        if (lock := locked(root)) is not None:  # else somebody took it for left over, before it was locked
            return root, lock


def _bases() -> list[str]:
    """Where such folders are, the best first: in memory, and gone with the user's last session."""
    around = os.environ.get("XDG_RUNTIME_DIR")
    return [*([around] if around and os.path.isdir(around) else []), tempfile.gettempdir()]


def _named(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """(name, document) of a Secret; ("", {}) of anything else."""
    metadata = document.get("metadata")
    if document.get("kind") != KIND or not isinstance(metadata, Mapping):
        return "", {}
    return str(metadata.get("name") or ""), document


def _content(name: str, document: Mapping[str, Any]) -> dict[str, bytes]:
    """By key. What is wrong is told without the values."""
    found = {}
    for key, text in (document.get("data") or {}).items():
        try:
            found[str(key)] = base64.b64decode("".join(str(text).split()), validate=True)
        except binascii.Error:
            raise ManifestError(
                f"Secret {name}: data.{key} is not base64.", f"Write it as text under stringData: {{{key}: ...}}"
            ) from None
    for key, text in (document.get("stringData") or {}).items():
        if not isinstance(text, str):
            raise ManifestError(f"Secret {name}: stringData.{key} is not text.", "Put quotes around it.")
        found[str(key)] = text.encode()
    for key in found:
        if not _KEY.fullmatch(key) or key in (".", ".."):
            raise ManifestError(f"Secret {name}: {key!r} cannot be a key.", "Keys have letters, digits, '-', '_', '.'.")
    return found
