"""What `parallelrun register` does with what is registered already; pure.

A version that jobs may have used is not replaced by the way: the same again changes nothing, something else under a
name is a new version, and --overwrite says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallelrun.api import checks, object_names, shape, spec_changes
from parallelrun.api.errors import ManifestError
from parallelrun.api.kinds import Kind
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.registered import FIRST_VERSION
from parallelrun.api.problems import report
from parallelrun.api.registry import Entry, Registry

Json = dict[str, Any]
CREATED, REPLACED, UNCHANGED = "registered", "replaced", "unchanged"


@dataclass(frozen=True)
class Registration:
    """An object, and what becomes of it."""

    entry: Entry
    what: str  # CREATED | REPLACED | UNCHANGED

    @property
    def document(self) -> Json:
        """As it is applied or written."""
        return dict(self.entry.document)


def decide(
    registry: Registry, kind: Kind, name: str, spec: Json, version: str | None = None, overwrite: bool = False
) -> Registration:
    """The object that registers ``spec`` as ``name``; ``version`` None: the next one, where something is new.

    Raises ManifestError for what is not right, and for what is registered already as something else.
    """
    there = [entry for entry in registry.all(kind.name) if entry.name == name]
    if kind.versioned:
        version = version or _version(kind, name, spec, there)
    found = next((entry for entry in there if entry.version == (version or "")), None)
    made = Entry(_document(kind, name, version, spec, _object_name(registry, kind, name, version, found)))
    if problems := checks.problems(made.document, kind.model, kind.rules):  # type: ignore[arg-type]
        raise report(str(made), problems)
    if found is None:
        return Registration(made, CREATED)
    changed = _changed(found, made)
    if not changed:
        return Registration(found, UNCHANGED)
    if not overwrite:
        raise ManifestError(
            f"{made} is registered already: {spec_changes.sentence(changed[0])}.",
            "Give another --version, or say --overwrite." if kind.versioned else "Say --overwrite to replace it.",
        )
    return Registration(made, REPLACED)


def _version(kind: Kind, name: str, spec: Json, there: list[Entry]) -> str:
    if not there:
        return FIRST_VERSION
    last = there[-1]
    again = Entry(_document(kind, name, last.version, spec, last.object_name))
    if not _changed(last, again):
        return last.version
    if not last.version.isdecimal():
        raise ManifestError(f"{last} is not followed by a number of itself.", "Say which version this is: --version.")
    return str(int(last.version) + 1)


def _object_name(registry: Registry, kind: Kind, name: str, version: str | None, found: Entry | None) -> str:
    if found is not None:
        return found.object_name
    made = object_names.slug(name, version or "")
    taken = {entry.object_name for entry in registry.all(kind.name)}
    return object_names.other_slug(name, version or "") if made in taken else made


def _document(kind: Kind, name: str, version: str | None, spec: Json, object_name: str) -> Json:
    named = {} if name == object_name else {"name": name}
    versioned = {} if version is None else {"version": version}
    return {
        "apiVersion": API_VERSION,
        "kind": kind.name,
        "metadata": {"name": object_name},
        "spec": {**named, **versioned, **spec},
    }


def _changed(before: Entry, now: Entry) -> list[tuple[str, Any, Any]]:
    specs = (shape.with_defaults(entry.kind.model, dict(entry.document))["spec"] for entry in (before, now))
    first, second = ({**spec, "name": entry.name} for spec, entry in zip(specs, (before, now), strict=True))
    return spec_changes.changed_fields(first, second, "spec")
