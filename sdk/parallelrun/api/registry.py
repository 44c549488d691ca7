"""What is registered by name, and which of it a reference means; pure.

A registry is made of documents, wherever they come from: the API server, the job's own file, the files beside it. A
document is checked when it is used, so that somebody else's broken Dataset stops no job that does not name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from parallelrun.api import checks, hints, shape, versions
from parallelrun.api.errors import ManifestError
from parallelrun.api.kinds import BY_NAME, Kind
from parallelrun.api.models.dataset import DATASET, DatasetSpec
from parallelrun.api.models.datastore import DATASTORE, DatastoreSpec
from parallelrun.api.models.metadata import GROUP
from parallelrun.api.models.registered import FIRST_VERSION, LATEST, Registered
from parallelrun.api.problems import Problem, report

Json = Mapping[str, Any]
Spec = TypeVar("Spec", bound=Registered)

_REFERENCE = re.compile(r"([^:@]+)[:@](.+)")


class NotRegistered(ManifestError):
    """A manifest refers to something that is not registered; it may be later."""

    def __init__(self, kind: str, name: str, message: str, hint: str) -> None:
        """``name``: as it was referred to, with a version where one was said."""
        super().__init__(message, hint)
        self.kind = kind
        self.name = name


def is_registered_kind(document: Json) -> bool:
    """Whether a document is of one of the kinds that are registered by name; its API version may be missing."""
    version = document.get("apiVersion")
    ours = version is None or (isinstance(version, str) and version.startswith(f"{GROUP}/"))
    return ours and document.get("kind") in BY_NAME


@dataclass(frozen=True)
class Entry:
    """One registered object."""

    document: Json  # as it was read; without nulls
    where: str = ""  # the file it is in; "": a cluster
    line: int = 0  # in that file, counted from 1; 0: not known

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return BY_NAME[self.document["kind"]]

    @property
    def name(self) -> str:
        """Its registered name; "" where it is too broken to tell."""
        return str(self._spec.get("name") or self.object_name)

    @property
    def place(self) -> str:
        """Where it stands, with its line where that is known; "" where nothing is."""
        return f"{self.where}:{self.line}" if self.line else self.where

    @property
    def version(self) -> str:
        """Its version; "" for kinds that have none."""
        return str(self._spec.get("version", FIRST_VERSION)) if self.kind.versioned else ""

    @property
    def object_name(self) -> str:
        """``metadata.name``."""
        metadata = self.document.get("metadata")
        return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""

    @property
    def _spec(self) -> Json:
        spec = self.document.get("spec")
        return spec if isinstance(spec, Mapping) else {}

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong with it."""
        return checks.problems(dict(self.document), self.kind.model, self.kind.rules)

    @cached_property
    def spec(self) -> Registered:
        """Checked. Raises ManifestError."""
        if found := self.problems:
            raise report(f"{self.where or self.kind.name} {self.object_name}".strip(), found)
        read: Registered = self.kind.model.model_validate(self.document, by_alias=True, by_name=False).spec  # type: ignore[attr-defined]
        return read

    def __str__(self) -> str:
        version = f" version {self.version}" if self.kind.versioned else ""
        return f"{self.kind.name} {self.name}{version}"


class Registry:
    """Everything that is registered where a job runs."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)

    @classmethod
    def of(cls, documents: Iterable[Json]) -> Registry:
        """Of those of ``documents`` that are of our kinds."""
        return cls(Entry(shape.without_nulls(dict(one))) for one in documents if is_registered_kind(one))

    def all(self, kind: str) -> list[Entry]:
        """Every object of a kind, in the order of names and versions."""
        found = [entry for entry in self.entries if entry.kind.name == kind]
        return sorted(found, key=lambda entry: (entry.name, versions.order(entry.version)))

    def duplicates(self) -> Iterator[tuple[Entry, Entry]]:
        """Pairs of objects that claim the same name and version, the earlier one first."""
        seen: dict[tuple[str, str, str], Entry] = {}
        for entry in self.entries:
            key = (entry.kind.name, entry.name, entry.version)
            if key in seen:
                yield seen[key], entry
            seen.setdefault(key, entry)

    def find(self, where: str, kind: str, name: str, version: str | None = None) -> Entry:
        """The object of that name, and of the highest version where none is said (or "latest").

        ``where``: the field that refers to it. Raises NotRegistered, and ManifestError where it is there twice.
        """
        named = [entry for entry in self.all(kind) if entry.name == name]
        if version not in (None, LATEST):
            found = [entry for entry in named if entry.version == version]
        else:
            found = [entry for entry in named if entry.version == named[-1].version]
        if not found:
            raise self._missing(where, kind, name, version, named)
        if len(found) > 1:
            first, second = (entry.place or entry.object_name for entry in found[:2])
            raise ManifestError(
                f"{where}: {found[0]} is registered twice: by {first} and by {second}.",
                "Delete one of them, or give it another name" + (" or version." if found[0].kind.versioned else "."),
            )
        return found[0]

    def refer(self, where: str, kind: str, reference: str) -> Entry:
        """As :meth:`find`, of a name, name:version or name@latest."""
        parts = _REFERENCE.fullmatch(reference)
        return self.find(where, kind, parts[1], parts[2]) if parts else self.find(where, kind, reference)

    def datastore(self, where: str, name: str) -> DatastoreSpec:
        """The Datastore of that name. Raises as :meth:`find`, and ManifestError where it is not right."""
        return typed(self.find(where, DATASTORE, name), DatastoreSpec)

    def dataset(self, where: str, reference: str) -> tuple[Entry, DatasetSpec]:
        """The Dataset that ``reference`` means. Raises as :meth:`datastore`."""
        entry = self.refer(where, DATASET, reference)
        return entry, typed(entry, DatasetSpec)

    def _missing(self, where: str, kind: str, name: str, version: str | None, named: list[Entry]) -> NotRegistered:
        if named:
            message = f'{where}: the {kind} "{name}" has no version {version}.'
            known = ", ".join(entry.version for entry in named)
            return NotRegistered(kind, f"{name}:{version}", message, f"There is: {known}.")
        shown = name if version is None else f"{name}:{version}"
        message = f'{where}: there is no {kind} registered as "{name}".'
        return NotRegistered(kind, shown, message, hints.known(kind, name, {entry.name for entry in self.all(kind)}))


def typed(entry: Entry, kind: type[Spec]) -> Spec:
    """The checked spec of an entry whose kind is known. Raises ManifestError where it is not right."""
    spec = entry.spec
    assert isinstance(spec, kind)
    return spec
