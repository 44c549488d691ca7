"""What is registered by name, without a cluster: documents in the job's file, beside it, and in ``--register`` folders.

A folder that holds a job usually is a repository's, and holds the same objects that are applied to a cluster. Only
documents of our kinds and Secrets are taken from there; what else is in it, other jobs say, is nobody's business here.
Files are parsed only where they look as if they had such a document.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.api.source_files import MOST_YAML_BYTES, YAML
from parallelrun.local import credentials

if TYPE_CHECKING:
    from parallelrun.api.documents import Document
    from parallelrun.api.registry import Entry, Registry

Json = Mapping[str, Any]

#: As in ``kinds.REGISTERED``, which is slow to import.
KINDS = ("Datastore", "Dataset", "Model", "Environment", "ComputeTarget")
_OURS = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?(Datastore|Dataset|Model|Environment|ComputeTarget)\b")
_SECRETS = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?Secret\b")
_JOB = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?ParallelRunJob\b")
_GROUP = b"parallelrun.dev/"


@dataclass(frozen=True)
class Found:
    """The documents that were found."""

    entries: tuple[Entry, ...] = ()
    secrets: tuple[Json, ...] = ()
    places: tuple[str, ...] = ()  # where was looked, for messages

    @cached_property
    def registry(self) -> Registry:
        """All that is registered."""
        from parallelrun.api.registry import Registry

        return Registry(self.entries)

    def with_datastores_of(self, other: Found) -> tuple[Entry, ...]:
        """These entries, but with the datastores of ``other`` where it has them."""
        theirs = {entry.name: entry for entry in other.entries if entry.kind.name == "Datastore"}
        kept = [entry for entry in self.entries if entry.kind.name != "Datastore" or entry.name not in theirs]
        return (*kept, *theirs.values())

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Those of our kinds, for the record of a run; Secrets are never among them."""
        return [dict(entry.document) for entry in self.entries]


def search(path: Path, documents: Iterable[Json], folders: Sequence[Path], files: Sequence[Path] = ()) -> Found:
    """For the job in the file ``path`` with its ``documents``: there, in its folder, in ``folders`` and in ``files``.

    Raises ManifestError for an object that is not right, with file, line and field, and for a folder that is not there.
    """
    found = _Finder()
    found.take_own(path, [document for document in documents if document.get("kind") in (*KINDS, credentials.KIND)])
    for file in _files(path, folders, files):
        found.take_file(file)
    return Found(tuple(found.entries), tuple(found.secrets), (str(path.parent), *map(str, folders)))


def of_folders(folders: Sequence[Path]) -> Found:
    """Of ``folders`` with all below them. Raises as :func:`search`."""
    found = _Finder()
    for file in _below(folders):
        found.take_file(file)
    return Found(tuple(found.entries), tuple(found.secrets), tuple(map(str, folders)))


def of_file(path: Path) -> tuple[Entry, ...]:
    """Those of a file that has no job; none of one that has, or that is no YAML. Raises ManifestError as search."""
    found = _Finder()
    if not _JOB.search(_read(path)):
        found.take_file(path)
    return tuple(found.entries)


def recorded(documents: Iterable[Json], found: Iterable[Json] = ()) -> Found:
    """Of a run's record, and Secrets that were ``found`` elsewhere."""
    from parallelrun.api.registry import Entry, is_registered_kind

    entries = (Entry(document, "the record of the run") for document in documents if is_registered_kind(document))
    return Found(tuple(entries), tuple(found))


def secrets(path: Path, folders: Sequence[Path]) -> list[Json]:
    """Those of the file ``path``, of its folder and of ``folders``, as far as they are still there."""
    found = _Finder(only_secrets=True)
    for file in [path, *_files(path, [folder for folder in folders if folder.is_dir()])]:
        found.take_file(file)
    return found.secrets


def _files(path: Path, folders: Sequence[Path], files: Sequence[Path] = ()) -> Iterator[Path]:
    """Each YAML file once, in the order of names: of the manifest's folder, and of ``folders`` with all below them."""
    seen = {os.path.realpath(path)}
    beside = [file for file in _sorted(path.parent) if file.is_file()] if path.parent.is_dir() else []
    for file in [*beside, *_below(folders), *files]:
        if file.name.endswith(YAML) and (real := os.path.realpath(file)) not in seen:
            seen.add(real)
            yield file


def _below(folders: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise ManifestError(f"--register {folder}: there is no such folder.", hints.missing_path(folder))
        walked = sorted(os.walk(folder))
        found += [Path(at, name) for at, _, names in walked for name in sorted(names) if name.endswith(YAML)]
    return found


def _sorted(folder: Path) -> list[Path]:
    return [folder / name for name in sorted(os.listdir(folder))]


class _Finder:
    """Collects entries and Secrets."""

    def __init__(self, only_secrets: bool = False) -> None:
        self._only_secrets = only_secrets
        self.entries: list[Entry] = []
        self.secrets: list[Json] = []

    def take_own(self, path: Path, documents: Sequence[Json]) -> None:
        """Of the job's own file, whose text is read again where lines are needed."""
        if any(document.get("kind") in KINDS for document in documents):
            text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
            self._take(path, _parsed(text, path) if text else [], documents)
        self.secrets += [document for document in documents if document.get("kind") == credentials.KIND]

    def take_file(self, path: Path) -> None:
        """Of another file, if it has any. One that only holds Secrets may be a template, and is let be then."""
        data = _read(path)
        ours = not self._only_secrets and _GROUP in data and _OURS.search(data) is not None
        if not ours and not _SECRETS.search(data):
            return
        try:
            documents = _parsed(data.decode("utf-8-sig"), path)
        except (ManifestError, UnicodeDecodeError) as error:
            if not ours:
                return
            if isinstance(error, ManifestError):
                raise
            raise ManifestError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
        values = [document.value for document in documents if isinstance(document.value, dict)]
        if ours:
            self._take(path, documents, [value for value in values if value.get("apiVersion") is not None])
        self.secrets += [value for value in values if value.get("kind") == credentials.KIND]

    def _take(self, path: Path, documents: Sequence[Document], values: Sequence[Json]) -> None:
        from parallelrun.api import checks, shape
        from parallelrun.api.problems import report
        from parallelrun.api.registry import Entry, is_registered_kind

        problems = []
        taken: set[int] = set()  # of documents that are alike, each has its own line
        for value in values:
            if not is_registered_kind(value):
                continue
            standing = [one for one in documents if one.value == value and id(one) not in taken]
            document = standing[0] if standing else None
            taken.add(id(document))
            line = 0 if document is None else document.line
            entry = Entry(shape.without_nulls(dict(value)), str(path), line)
            for problem in entry.problems:
                at = None if document is None else document.line_of(problem.path)
                problems.append(checks.moved(problem, line=at))
            self.entries.append(entry)
        if problems:
            raise report(str(path), problems)


def _read(path: Path) -> bytes:
    """A file's bytes; none of what cannot be read, or is too long."""
    try:
        return path.read_bytes() if path.stat().st_size <= MOST_YAML_BYTES else b""
    except OSError:
        return b""


def _parsed(text: str, path: Path) -> list[Document]:
    from parallelrun.api.documents import read_documents

    return read_documents(text, str(path))
