"""``source.directory`` as a ConfigMap: one archive whose bytes depend on nothing but the files.

Its name carries the hash of its content: submitting the same code again makes nothing new, and a job that waits in a
queue runs the code that it was submitted with.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import tarfile
from collections import Counter
from pathlib import Path

from parallelrun.api.errors import SourceError
from parallelrun.api.source_files import File
from parallelrun.kube.client import Json
from parallelrun.local import source

KEY = "source.tar.gz"
#: What marks such a ConfigMap: a label and its value.
COMPONENT, SOURCE = "app.kubernetes.io/component", "source"
#: What the API server takes for the values of one ConfigMap.
LIMIT = 1 << 20
_NAME_LIMIT = 253
_HASH_LENGTH = 10


def archive(folder: Path) -> bytes:
    """The files of a source folder, version control and caches left out. Raises SourceError, also above the limit."""
    found = source.files(folder)
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0, compresslevel=9) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in found:
            _add(tar, folder, file)
    data = packed.getvalue()
    if len(data) + len(KEY) > LIMIT:
        raise _too_large(folder, found, len(data))
    return data


def _add(tar: tarfile.TarFile, folder: Path, file: File) -> None:
    try:
        data = (folder / file.name).read_bytes()
    except OSError as error:
        raise SourceError(f"{folder / file.name} cannot be read: {error.strerror}.", "Source is sent whole.") from None
    entry = tarfile.TarInfo(file.name)
    entry.size, entry.mode = len(data), file.mode
    tar.addfile(entry, io.BytesIO(data))


def config_map(data: bytes, job: str, namespace: str) -> Json:
    """The ConfigMap of an archive for ``job``; it never changes."""
    suffix = f"-source-{hashlib.sha256(data).hexdigest()[:_HASH_LENGTH]}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": job[: _NAME_LIMIT - len(suffix)].rstrip("-.") + suffix,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "parallelrun", COMPONENT: SOURCE},
        },
        "immutable": True,
        "binaryData": {KEY: base64.b64encode(data).decode()},
    }


def _too_large(folder: Path, found: list[File], size: int) -> SourceError:
    by_entry: Counter[str] = Counter()
    for file in found:
        by_entry[file.name.partition(os.sep)[0]] += file.size
    largest = ", ".join(f"{name} ({count / 1024:,.0f} KB)" for name, count in by_entry.most_common(3))
    return SourceError(
        f"spec.source.directory: {folder} packed is {size / 1024:,.0f} KB, above the {LIMIT // 1024:,} KB that a "
        f"ConfigMap holds. The largest: {largest}.",
        "Keep only code there. Larger code goes onto a volume, spec.source.claim, with parallelrun upload, or comes "
        "from spec.source.git or the image, spec.source.imagePath.",
    )
