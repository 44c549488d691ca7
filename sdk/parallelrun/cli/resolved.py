"""`parallelrun get -o resolved`: a job with what it took from registered objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import exit_codes, layout, merging, shape
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.registry import Registry
from parallelrun.cli import folders, terminal

Json = dict[str, Any]
#: Of metadata, what people wrote.
_WRITTEN = ("name", "namespace", "labels")


def give_run(folder: Path) -> int:
    """Print it for a run on this machine; the exit code."""
    record = folders.read_if_there(folder, layout.PREPARED)
    value = yaml.safe_load((folder / layout.MANIFEST).read_text(encoding="utf-8"))
    return give(value, record.get("documents") or [], record.get("resolved") or {})


def give(value: Json, registered: Iterable[Mapping[str, Any]], resolved: Mapping[str, Any]) -> int:
    """Print the job ``value`` with the ``registered`` objects that it began with; the exit code.

    What ``resolved`` says, the names and versions, comes first.
    """
    metadata = {key: value["metadata"][key] for key in _WRITTEN if value["metadata"].get(key)}
    fields = {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": metadata, "spec": value["spec"]}
    plain = shape.without_nulls(fields)
    job = ParallelRunJob.model_validate(plain, by_alias=True, by_name=False)
    made = merging.resolve(job, Registry.of(registered)).job
    spec = made.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    whole = {"resolved": {key: item for key, item in resolved.items() if item}, **plain, "spec": spec}
    terminal.give(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120).rstrip())
    return exit_codes.DONE
