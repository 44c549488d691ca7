"""What a job that runs again only what failed takes along from the earlier one: plan, segments, tries and schema.

Its results are linked, not copied: no segment is ever written again once its process is gone. What was taken already
stays as it is, so that it can be done by several at once, and again after a crash.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.leases import header as headers
from parallelrun.leases.header import Header, Phase, Plan
from parallelrun_agent import plain_files
from parallelrun_worker.schema import versions as schema_versions


def next_generation(before: Header) -> Header:
    """The next generation of ``before``, whatever it ended as: it plans again and must find the same input."""
    return headers.resume(replace(before, phase=Phase.RUNNING))


def plan_of(base: Path, before: Header) -> Plan:
    """The plan of the job in ``base``. Raises RunFolderError where it has none, or kept no segments."""
    if before.plan is None or not _plan_folder(base, before.plan).is_dir():
        raise RunFolderError(
            f"{base} has no plan: nothing of it was run, so there is nothing to run again.",
            "Run everything again without --failed (spec.rerunOf.failedOnly: false).",
        )
    if not (base / layout.SEGMENTS).is_dir():
        raise RunFolderError(
            f"{base} kept no segments (spec.output.keepSegments is false): what succeeded cannot be merged again.",
            "Run everything again without --failed (spec.rerunOf.failedOnly: false).",
        )
    return before.plan


def take_results(base: Path, folder: Path, plan: Plan) -> None:
    """Put what the job in ``base`` left behind into ``folder``: plain files, and no links. Raises OSError."""
    for source in (_plan_folder(base, plan), base / layout.SEGMENTS, base / layout.TRIES):
        if source.is_dir():
            plain_files.link_all(base, folder, source.name)
    for version in map(Path, schema_versions(str(base / layout.SCHEMA))):
        plain_files.link(base, folder, version.name)


def _plan_folder(base: Path, plan: Plan) -> Path:
    return base / f"{layout.PLAN_PREFIX}{plan.sha256}"
