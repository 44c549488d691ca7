"""`parallelrun delete`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Delete a job of a cluster, with its pods and all that was made for it. Its files stay on the volume; with --results
they are removed too, but for an output or folders with a path of their own.

Examples:
  parallelrun delete mnist -n scoring
  parallelrun delete mnist -n scoring --results"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `delete`."""
    arguments.add_run(parser, required=True)
    parser.add_argument("--results", action="store_true", help="also its folder on the volume: results, logs, all")
    arguments.add_image(parser)


def execute(args: argparse.Namespace) -> int:
    """Delete it; the exit code."""
    target = targets.find(args)
    if isinstance(target, Path):
        raise ManifestError(
            f"{target} is a run on this machine: delete its folder.",
            f"A job of that name in a cluster: parallelrun delete {args.run} -n NAMESPACE",
        )
    from parallelrun.cli.in_cluster import steering

    return steering.delete(target, args.results, args.image)
