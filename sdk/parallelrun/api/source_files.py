"""The files of a source folder: which of them are copied, within which limits, and a hash of them all.

The limits are those of Azure's snapshots; a folder above them nearly always has the data in it, and copying data is
not what anyone wants. Nor is copying the Secrets that lie beside a manifest: a run's folder is kept and passed on.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import hints
from parallelrun.api.errors import SourceError

MAX_BYTES = 300 * 1024 * 1024
MAX_FILES = 10_000
#: Folders that are never code of the job.
_SKIPPED = {".git", "__pycache__", ".venv"}
#: In a YAML file: it holds a Secret, or makes one.
SECRET = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?Secret\b|\bsecretGenerator\b")
#: How the names of YAML files end; a longer one is data: the API server would take no such object either.
YAML, MOST_YAML_BYTES = (".yaml", ".yml"), 16 << 20


@dataclass(frozen=True)
class File:
    """One file of a source folder."""

    name: str  # relative to the folder, with forward slashes
    size: int  # bytes
    mode: int  # permission bits


def folder(where: str, path: Path) -> Path:
    """``path``, if it is a folder that can be read; else SourceError that names the field."""
    if not path.exists():
        raise SourceError(f"{where}: {path} does not exist.", hints.missing_path(path))
    if not path.is_dir():
        raise SourceError(f"{where}: {path} is a file, not a folder.", f"Name the folder it is in: {path.parent}")
    return path


def nothing(_: str) -> bool:
    """Leaves nothing out."""
    return False


def files(root: Path, leave_out: Callable[[str], bool] = nothing) -> list[File]:
    """The files of a source folder in a stable order; version control, caches and YAML files with Secrets are left out.

    ``leave_out`` says of a folder, its path without links in it, whether it is left out too. Raises SourceError for a
    folder above the limits.
    """
    found: list[File] = []
    size = 0
    for file in _walk(root, "", leave_out, (os.path.realpath(root),)):
        found.append(file)
        size += file.size
        if len(found) > MAX_FILES or size > MAX_BYTES:
            raise _too_large(root, found, size)
    return sorted(found, key=lambda file: os.fsencode(file.name))


def file_at(root: Path, name: str) -> File:
    """The file ``name`` below ``root``. Raises OSError."""
    status = os.stat(root / name)
    return File(name, status.st_size, status.st_mode & 0o777)


def copy(root: Path, found: list[File], target: Path) -> dict[str, str]:
    """Copy ``found`` from ``root`` into the folder ``target``, writable; gives each file's digest by name.

    Raises SourceError for a file that cannot be read, OSError where ``target`` cannot be written.
    """
    digests = {}
    for file in found:
        data = _read(root, file)
        digests[file.name] = _digest(data, file.mode)
        copied = target / file.name
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(data)
        copied.chmod(file.mode | 0o600)
    return digests


def digests(root: Path, found: list[File]) -> dict[str, str]:
    """Each file's digest by name, over its bytes and permissions."""
    return {file.name: _digest(_read(root, file), file.mode) for file in found}


def combined(digests_by_name: Mapping[str, str]) -> str:
    """One hash over names, permissions and bytes of all files."""
    whole = hashlib.sha256()
    for name, digest in sorted(digests_by_name.items()):
        whole.update(os.fsencode(name) + b"\0" + digest.encode() + b"\0")
    return whole.hexdigest()


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed, in a sentence that names the first file; "" if nothing did."""
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if not changed:
        return ""
    name = changed[0]
    what = "was removed" if name not in now else "was added" if name not in before else "has changed"
    return f"{name} {what}" + (f", and {len(changed) - 1} more" if len(changed) > 1 else "")


def _walk(root: Path, below: str, leave_out: Callable[[str], bool], above: tuple[str, ...]) -> Iterator[File]:
    """Files below ``root/below``; links are followed, but never in a circle and never to nowhere."""
    try:
        entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(f"{root / below} cannot be read: {error.strerror}.", "Source is copied whole.") from None
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if entry.name not in _SKIPPED and real not in above and not leave_out(real):
                yield from _walk(root, name, leave_out, (*above, real))
        elif entry.is_file() and not _has_secret(entry):
            yield file_at(root, name)


def _has_secret(entry: os.DirEntry[str]) -> bool:
    """Whether it is a YAML file with a Secret; one that cannot be read is an error when it is copied."""
    try:
        if not entry.name.endswith(YAML) or entry.stat().st_size > MOST_YAML_BYTES:
            return False
        return SECRET.search(Path(entry.path).read_bytes()) is not None
    except OSError:
        return False


def _read(root: Path, file: File) -> bytes:
    try:
        return (root / file.name).read_bytes()
    except OSError as error:
        raise SourceError(f"{root / file.name} cannot be read: {error.strerror}.", "Source is copied whole.") from None


def _digest(data: bytes, mode: int) -> str:
    return f"{mode:o}:{hashlib.sha256(data).hexdigest()}"


def _too_large(root: Path, found: list[File], size: int) -> SourceError:
    by_entry: Counter[str] = Counter()
    for file in found:
        by_entry[file.name.partition("/")[0]] += file.size if size > MAX_BYTES else 1
    largest = by_entry.most_common(1)[0][0]
    limit = f"{MAX_BYTES // (1024 * 1024)} MB" if size > MAX_BYTES else f"{MAX_FILES:,} files"
    return SourceError(
        f"The source folder {root} is above {limit}, most of it in {largest}.",
        "source.directory is copied for every run and should hold only code: put data elsewhere and name it in inputs.",
    )
