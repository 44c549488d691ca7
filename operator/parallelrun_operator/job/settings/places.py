"""Where a path or URL of the manifest is: on which claim, in which ConfigMap and at which path in the job's pods, or in
which object store.

Relative paths start at the root of spec.volume's claim. The operator sees no volume, so whether a path exists, and
whether a name with brackets in it is a wildcard, is left to those who do: ``prepare`` and the planner. What is refused
here is what would show one job's script more than it may see: a whole claim, or the folders of other jobs.
"""

from __future__ import annotations

import glob
import itertools
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from parallelrun.api import pod_layout, store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.api.rules.names import SUBDOMAIN
from parallelrun.api.store_urls import Stores

_CLAIM = "pvc://"
_CONFIG_MAP = "configmap://"
#: The name of a job's folder: the job's name and its UID.
_JOB_FOLDER = re.compile(r".+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Place:
    """A file or folder; exactly one of ``claim`` and ``config_map`` is its volume."""

    parts: tuple[str, ...]  # from the volume's root; no "", "." or ".." among them
    claim: str = ""
    config_map: str = ""

    @property
    def path(self) -> str:
        """In the agent's and the worker's container."""
        root = pod_layout.claim(self.claim) if self.claim else pod_layout.config_map(self.config_map)
        return posixpath.join(root, *self.parts)

    @property
    def mountable(self) -> tuple[str, ...]:
        """The parts of the innermost folder that shows it and can be mounted: no mount's path may have a colon."""
        return tuple(itertools.takewhile(lambda part: ":" not in part, self.parts))


@dataclass(frozen=True)
class Remote:
    """A file or folder in an object store, for the agent to fetch or to write."""

    path: str  # its URL, as settings have it


@dataclass(frozen=True)
class Pattern:
    """One entry of an input's ``paths``."""

    text: str  # absolute or a URL, with its wildcards
    literal: Place | Remote  # what is before the first of them
    is_glob: bool


@dataclass(frozen=True)
class Places:
    """Resolves paths and URLs of one job."""

    claim: str  # of spec.volume
    namespace: str  # the job's
    stores: Stores  # of URLs; knows afterwards which there are

    def place(self, where: str, text: str) -> Place | Remote:
        """Of ``text``, the value of the field ``where``, without wildcards. Raises ManifestError."""
        text, is_remote = self._located(where, text)
        if is_remote:
            return Remote(text)
        found = self._literal(where, text)
        self._refuse_others_folders(where, text, found)
        return found

    def on_volume(self, where: str, text: str) -> Place:
        """As :meth:`place`, of what containers without credentials read. Raises ManifestError."""
        found = self.place(where, text)
        if isinstance(found, Remote):
            raise ManifestError(
                f"{where}: {text} is in an object store.", f"Name a folder on a claim: {_CLAIM}claim/path."
            )
        return found

    def pattern(self, where: str, text: str) -> Pattern:
        """Of ``text``, which may have wildcards. Raises ManifestError."""
        text, is_remote = self._located(where, text)
        if is_remote:
            folder, is_glob = store_urls.literal_folder(text)
            return Pattern(text, Remote(folder), is_glob)
        place, rest = self._split(where, text)
        parts = rest.split("/")
        first = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        if ".." in parts[first:]:
            raise ManifestError(f'{where}: {text} has ".." behind a wildcard.', "Write the path without it.")
        literal = Place(_normal(where, text, "/".join(parts[:first])), place.claim, place.config_map)
        self._refuse_others_folders(where, text, literal)
        return Pattern(posixpath.join(literal.path, *parts[first:]), literal, is_glob=first < len(parts))

    def output(self, where: str, text: str) -> Place | Remote:
        """A folder that the agent writes to. Raises ManifestError."""
        text, is_remote = self._located(where, text, write=True)
        return Remote(text) if is_remote else self.writable(where, text)

    def writable(self, where: str, text: str) -> Place:
        """A folder on a claim that the script writes to. Raises ManifestError."""
        text, is_remote = self._located(where, text, write=True)
        if is_remote:
            raise ManifestError(
                f"{where}: {text} is an object store, which scripts have no credentials for.",
                f"Write to a claim, {_CLAIM}results/folder, or to a folder of the job's own by a relative path.",
            )
        found = self._literal(where, text)
        self._refuse(where, text, found.claim, found.parts)
        if not found.claim:
            raise ManifestError(f"{where}: {text} cannot be written to.", f"Write to a claim: {_CLAIM}results/folder.")
        return found

    def code(self, where: str, claim: str, path: str) -> Place:
        """The source folder ``path`` on ``claim``, which is copied to where the script can read it.

        A claim's root is fine where no jobs' folders are. Raises ManifestError.
        """
        found = Place(_normal(where, path, path), claim=claim)
        if found.parts or claim == self.claim:
            self._refuse(where, path, claim, found.parts)
        return found

    def _located(self, where: str, text: str, write: bool = False) -> tuple[str, bool]:
        """(``text`` as a path, a URL of a volume, or the URL of an object in a store; whether it is the last)."""
        found = self.stores.locate(where, text, write)
        return found.text, found.store is not None

    def _literal(self, where: str, text: str) -> Place:
        place, rest = self._split(where, text)
        return Place(_normal(where, text, rest), place.claim, place.config_map)

    def _split(self, where: str, text: str) -> tuple[Place, str]:
        """(the root of the volume, the path from there)."""
        if text.startswith("/"):
            raise ManifestError(
                f"{where}: {text} is an absolute path, which pods do not have.",
                f"Write it from the root of the claim {self.claim} (spec.volume), or as {_CLAIM}claim/path.",
            )
        for scheme in (_CLAIM, _CONFIG_MAP):
            if text.startswith(scheme):
                name, _, rest = text[len(scheme) :].partition("/")
                if not re.fullmatch(SUBDOMAIN.strip("^$"), name):
                    raise ManifestError(
                        f'{where}: "{name}" in {text} is not the name of an object.',
                        "Names have lower-case letters, digits, '-' and '.', and no wildcards.",
                    )
                return (Place((), claim=name) if scheme == _CLAIM else Place((), config_map=name)), rest
        return Place((), claim=self.claim), text

    def _refuse_others_folders(self, where: str, text: str, place: Place) -> None:
        """Of the place itself, and of the folder that must be mounted to show it."""
        self._refuse(where, text, place.claim, place.parts)
        if place.claim and not place.mountable:
            raise ManifestError(
                f"{where}: {text} is at the root of its claim and has a colon in its name, and so cannot be mounted.",
                "Rename it, or put it into a folder.",
            )
        self._refuse(where, text, place.claim, place.mountable)

    def _refuse(self, where: str, text: str, claim: str, parts: tuple[str, ...]) -> None:
        if claim and not parts:
            raise ManifestError(
                f"{where}: {text} stands for the whole claim {claim}, with all that is on it.",
                "Put the files into a folder and name that.",
            )
        if claim and self._shows_jobs(claim, parts):
            raise ManifestError(
                f"{where}: {text} is where the folders of jobs are: {'/'.join(parts[:2])} on the claim {claim}.",
                "Copy what is needed from there into a folder of its own and name that.",
            )

    def _shows_jobs(self, claim: str, parts: tuple[str, ...]) -> bool:
        """Whether it is the namespace's folder on the job's volume, or in a job's folder on any."""
        own = claim == self.claim
        if len(parts) == 1:
            return own and parts[0] == self.namespace
        of_jobs = parts[1] == pod_layout.ENVIRONMENTS or _JOB_FOLDER.fullmatch(parts[1]) is not None
        return (own or parts[0] == self.namespace) and of_jobs


def common_folder(literals: Sequence[Place | Remote]) -> str:
    """The folder that all of an input's paths are below: absolute, or a URL; "" where they have none in common."""
    paths = [one.path for one in literals]
    if all(isinstance(one, Place) for one in literals):
        return posixpath.commonpath(paths)
    split = [path.split("/") for path in paths]
    common = [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*split, strict=False))]
    return "/".join(common) if len(common) > 2 else ""  # not of a scheme alone


def _normal(where: str, text: str, rest: str) -> tuple[str, ...]:
    """The parts of ``rest``, with ".." taken back. Raises ManifestError for one that leaves the volume."""
    parts: list[str] = []
    for part in rest.split("/"):
        if part == ".." and not parts:
            raise ManifestError(f"{where}: {text} is outside of its volume.", 'Write a path without "..".')
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)
