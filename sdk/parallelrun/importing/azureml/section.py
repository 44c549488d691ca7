"""A part of a YAML file that remembers which of its fields were looked at, so that none is left out in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from parallelrun.api.documents import Document
from parallelrun.api.problems import Path
from parallelrun.importing.azureml.findings import Findings, Outcome


@dataclass
class File:
    """One YAML file: its only document, and what was read of it."""

    name: str  # as shown to people
    path: PurePosixPath  # relative paths in it begin at its folder
    document: Document
    findings: Findings
    read: set[Path] = field(default_factory=set)

    @property
    def root(self) -> Section:
        """The whole document."""
        return Section(self, ())

    def unread(self) -> Iterator[Section]:
        """The outermost fields that nobody read."""
        if () not in self.read:
            yield from _unread(self.root, {path[:end] for path in self.read for end in range(len(path) + 1)})


@dataclass(frozen=True)
class Section:
    """A value in a file: a mapping with fields, mostly."""

    file: File
    path: Path

    @property
    def value(self) -> Any:
        """As it is in the file; None where it is not there. It counts as read, with all that is in it."""
        self.file.read.add(self.path)
        return self.raw

    @property
    def raw(self) -> Any:
        """As :attr:`value`, but it does not count as read."""
        value = self.file.document.value
        for part in self.path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.raw is not None

    def __getitem__(self, key: str) -> Section:
        """A field, which need not be there."""
        return Section(self.file, (*self.path, key))

    def __contains__(self, key: str) -> bool:
        """Whether the field is there, and not null."""
        return bool(self[key])

    @property
    def is_mapping(self) -> bool:
        """Whether it has fields."""
        return isinstance(self.raw, dict)

    def fields(self) -> Iterator[tuple[str, Section]]:
        """Each field of a mapping; nothing where it is none. That there is a mapping counts as read, its fields not."""
        value = self.raw
        if isinstance(value, dict):
            for key in value:
                yield key, self[key]

    def seen(self) -> None:
        """It was read, with all that is in it."""
        self.file.read.add(self.path)

    def mapped(self, became: str) -> None:
        """It means the same here, as ``became``."""
        self._tell("mapped", became, "")

    def approximated(self, became: str, todo: str = "") -> None:
        """It means nearly the same here, or nothing."""
        self._tell("approximated", became, todo)

    def lost(self, became: str, todo: str) -> None:
        """It could not be mapped."""
        self._tell("lost", became, todo)

    def _tell(self, outcome: Outcome, became: str, todo: str) -> None:
        line = self.file.document.line_of(self.path)
        self.file.findings.add(outcome, self.file.name, line, self.path, self.value, became, todo)


def _unread(section: Section, looked_into: set[Path]) -> Iterator[Section]:
    for _, child in section.fields():
        if child.path in child.file.read:
            continue
        if child.path in looked_into and child.is_mapping:
            yield from _unread(child, looked_into)
        elif child:
            yield child
