"""`parallelrun get`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

from parallelrun.api import exit_codes, layout
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.list_runs import progress
from parallelrun.cli.tables import give_as
from parallelrun.cli.terminal import plural, size

DESCRIPTION = """\
Show one run, or one job in a cluster: phase, counts, output. Of a job in a cluster, -o json and -o yaml have the whole
object. -o resolved is the manifest with all that it took from what is registered by name, and which versions these
were.

Examples:
  parallelrun get
  parallelrun get mnist -n scoring
  parallelrun get runs/mnist-20260131-120000 -o json
  parallelrun get mnist -o resolved"""

RESOLVED = "resolved"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `get`."""
    arguments.add_run(parser)
    arguments.add_format(parser, ("table", "json", "yaml", "name", RESOLVED))


def execute(args: argparse.Namespace) -> int:
    """Print the run."""
    if (folder := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.get(folder, args)
    target = targets.find(args)
    if isinstance(target, targets.InCluster):
        from parallelrun.cli.in_cluster import looking

        return looking.give_job(target, args.format)
    if args.format == RESOLVED:
        from parallelrun.cli import resolved

        return resolved.give_run(target)
    run = folders.state(target)
    give_as(args.format, run.as_json(), [str(run.folder)], ("", ""), _facts(run))
    return exit_codes.DONE


def taken(resolved: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Rows on what a job took from what is registered, as its record or status says."""
    rows: list[tuple[str, object]] = []
    for kind in ("datasets", "models"):
        names = [f"{name}:{version}" for name, version in sorted((resolved.get(kind) or {}).items())]
        rows += [(kind, ", ".join(names))] if names else []
    words = (("environment", "environment"), ("compute target", "computeTarget"))
    return rows + [(word, resolved[key]) for word, key in words if resolved.get(key)]


def _facts(run: folders.State) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("name", run.name), ("folder", run.folder), ("phase", run.phase)]
    if run.reason:
        facts.append(("reason", run.reason))
    # A message may be a traceback: a row for each of its lines.
    facts += [("" if number else "message", line) for number, line in enumerate(run.message.splitlines())]
    facts.append(("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))))
    facts.append(("mini-batches", progress(run)))
    facts += [("  failed", run.failed), ("  retried", run.retried)]
    facts += [("items succeeded", run.items_succeeded), ("items failed", run.items_failed)]
    facts += taken(folders.read_if_there(run.folder, layout.PREPARED).get("resolved") or {})
    if run.result.get("reusedFrom"):
        facts.append(("results of", run.result["reusedFrom"]))
    output = run.result.get("output") or {}
    if output.get("path"):
        facts.append(("output", output["path"]))
        facts.append(("  rows", plural(output.get("rows") or 0, "row") + ", " + size(output.get("bytes") or 0)))
    return facts
