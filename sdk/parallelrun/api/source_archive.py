"""A source folder as one archive, as `parallelrun submit` makes it: unpacked where nothing can lead out of the folder.

``tarfile``'s own filter does not come with every Python 3.11, so only what source folders are made of is taken.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from parallelrun.api.errors import SourceError

SUFFIXES = (".tar", ".tar.gz", ".tgz")
_HINT = "Make it again with parallelrun submit."


def unpack(name: str, data: bytes, target: Path) -> None:
    """Put the files and folders of the archive ``data`` into the folder ``target``.

    Raises SourceError, which names the archive, for one that is damaged, reaches outside of the folder or has links in
    it; OSError where ``target`` cannot be written.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in archive:
                _put(name, archive, entry, target)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _cannot(name, str(error)) from None


def _cannot(name: str, why: str) -> SourceError:
    return SourceError(f"spec.source.configMap: {name} cannot be unpacked: {why}.", _HINT)


def _put(name: str, archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    parts = PurePosixPath(entry.name).parts
    if ".." in parts or entry.name.startswith("/"):
        raise _cannot(name, f"{entry.name} leads out of the source folder")
    path = target.joinpath(*parts)
    if entry.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise _cannot(name, f"{entry.name} is neither a file nor a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(content, file)
    path.chmod((entry.mode & 0o755) | 0o600)
