"""Where what is registered is kept, as commands see it: a folder of YAML files, or nowhere; or a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from parallelrun.api.errors import ManifestError
from parallelrun.api.kinds import Kind
from parallelrun.api.registry import Registry
from parallelrun.cli.registration import Registration
from parallelrun.local import registered


class Catalogue(Protocol):
    """A place with registered objects."""

    @property
    def name(self) -> str:
        """For messages."""

    def registry(self, kind: Kind) -> Registry:
        """What is there of a kind. Raises ManifestError, or KubeError."""

    def put(self, made: Registration) -> str:
        """Keep an object; where that is. Raises as :meth:`registry`."""


class Nowhere:
    """For --dry-run."""

    name = "nothing"

    def registry(self, _: Kind) -> Registry:
        """Empty."""
        return Registry()

    def put(self, _: Registration) -> str:
        """Never called."""
        raise AssertionError("--dry-run keeps nothing")


class Here:
    """The YAML files of the current folder, as a job in it finds them."""

    name = "the files here"

    def registry(self, _: Kind) -> Registry:
        """Of all files."""
        return registered.search(Path.cwd() / "-", [], []).registry

    def put(self, _: Registration) -> str:
        """Never called."""
        raise AssertionError("register is told where to")


class Folder:
    """YAML files in a folder, with all below it; new objects get files of their own."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    @property
    def name(self) -> str:
        """The folders."""
        return ", ".join(map(str, self._folders))

    def registry(self, _: Kind) -> Registry:
        """Of all files."""
        there = [folder for folder in self._folders if folder.exists()]
        return registered.of_folders(there).registry

    def put(self, made: Registration) -> str:
        """A file by the kind's and the object's name. Raises ManifestError where the object is in another file."""
        document = made.document
        path = self._folders[0] / f"{made.entry.kind.word}-{made.entry.object_name}.yaml"
        key = (made.entry.kind.name, made.entry.object_name)
        there = [
            entry for entry in self.registry(made.entry.kind).entries if (entry.kind.name, entry.object_name) == key
        ]
        for entry in there:
            if entry.where != str(path):
                raise ManifestError(f"{entry} is in {entry.where}.", "Change it there, or take it out of that file.")
        self._folders[0].mkdir(parents=True, exist_ok=True)
        path.write_text(as_yaml([document]) + "\n", encoding="utf-8")
        return str(path)


def chosen(args: argparse.Namespace) -> Catalogue:
    """What a command that looks is about: --register folders, else the cluster, else, where is none, the files here."""
    from parallelrun.cli import targets
    from parallelrun.cluster import place

    said = targets.place_of(args)
    if args.register:
        if said.said:
            raise ManifestError("--register names files, and -n, --context and --kubeconfig a cluster: choose one.")
        return Folder(*args.register)
    if said.said or targets.as_plugin() or place.configured():
        from parallelrun.cli.in_cluster.catalogue import Cluster

        return Cluster(said)
    return Here()


def as_yaml(documents: Sequence[Any]) -> str:
    """Objects as a file has them."""
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120).rstrip()
