"""What an import has come to know and made so far; it is written to disk at the end."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from parallelrun.api.documents import Document
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.object_names import other_slug, slug
from parallelrun.importing.azureml.findings import Findings
from parallelrun.importing.azureml.section import File, Section

Json = dict[str, Any]


class Files(Protocol):
    """What is read while a file is translated."""

    def document(self, path: PurePosixPath) -> Document:
        """The only YAML document of a file. Raises ManifestError."""

    def text(self, path: PurePosixPath) -> str | None:
        """A text file; None where there is none that can be read."""

    def exists(self, path: PurePosixPath) -> bool:
        """Whether there is a file or folder."""


@dataclass
class Code:
    """The folder with a step's code, in the folder that is written."""

    folder: str  # from there, such as "code/score"
    origin: PurePosixPath | None = None  # the folder, or file, that is copied; None: nothing is
    made: dict[str, str] = field(default_factory=dict)  # files beside it, by name
    is_elsewhere: bool = False  # what is in it cannot be seen here, or is told to be missing


@dataclass
class Book:
    """State of one import."""

    files: Files
    base: PurePosixPath  # files below this folder are shown to people relative to it
    target: PurePosixPath  # the folder that is written; absolute
    with_packages: bool = True  # whether environments list packages beside an image
    findings: Findings = field(default_factory=Findings)
    opened: dict[PurePosixPath, File] = field(default_factory=dict)
    assets: dict[tuple[str, str], Section] = field(default_factory=dict)  # what was given beside, by type and name
    registered: dict[tuple[str, str, str], Json] = field(default_factory=dict)  # by kind, name and version
    codes: list[Code] = field(default_factory=list)

    def open(self, path: PurePosixPath) -> Section:
        """A YAML file, read once. Raises ManifestError."""
        path = PurePosixPath(posixpath.normpath(path))
        if path not in self.opened:
            shown = posixpath.relpath(path, self.base)
            name = str(path) if shown.startswith("..") else shown
            self.opened[path] = File(name, path, self.files.document(path), self.findings)
        return self.opened[path].root

    def beside(self, section: Section, text: str) -> PurePosixPath:
        """The file or folder that ``text`` in ``section`` means, absolute."""
        return PurePosixPath(posixpath.normpath(section.file.path.parent / text))

    def from_target(self, path: PurePosixPath) -> str:
        """An absolute path as one from the folder that is written."""
        return posixpath.relpath(path, self.target)

    def register(self, kind: str, name: str, spec: Json, version: str = "") -> bool:
        """Keep an object for registered.yaml; False where another one has its name and version already."""
        whole = {"name": name, **({"version": version} if version else {}), **spec}
        key = (kind, name, version)
        if key in self.registered:
            return bool(self.registered[key]["spec"] == whole)
        taken = {(other["kind"], other["metadata"]["name"]) for other in self.registered.values()}
        made = slug(name, version)
        if (kind, made) in taken:
            made = other_slug(name, version)
        self.registered[key] = {
            "apiVersion": API_VERSION, "kind": kind, "metadata": {"name": made}, "spec": whole,
        }  # fmt: skip
        return True


def reference(text: str) -> tuple[str, str]:
    """Name and version of ``azureml:name``, ``azureml:name:version`` or ``azureml:name@label``; a label is no
    version."""
    bare = text.strip().removeprefix("azureml:")
    if "@" in bare:
        return bare.partition("@")[0], ""
    name, _, version = bare.partition(":")
    return name, version
