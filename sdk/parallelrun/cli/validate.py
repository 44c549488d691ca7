"""`parallelrun validate`: checks manifests without running anything."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments
from parallelrun.cli.terminal import give, tell

DESCRIPTION = """\
Check manifests, of jobs, of pipelines and of what is registered by name: every problem at once, each with its line, the
field, its value, the rule and an example that works.

What the manifest says is checked as `kubectl apply` checks it, and so is what it names of what is registered in the
files beside it; whether its data exist is seen by `parallelrun run`. A name that is not registered there is only
remarked on, as it may be in a cluster; with --register it is a mistake.

Examples:
  parallelrun validate job.yaml
  parallelrun validate jobs/*.yaml --set spec.nodeCount=4
  parallelrun validate jobs/*.yaml --register registry/
  parallelrun validate registry/*.yaml

Exit status: 0 all are right, 2 one is not."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `validate`."""
    parser.add_argument("manifests", metavar="JOB.yaml", nargs="+", type=Path, help="a manifest; several may be given")
    arguments.add_sets(parser)
    arguments.add_register(parser)


def execute(args: argparse.Namespace) -> int:
    """Check each; the exit code."""
    right = [validate(path, args.sets, args.register) for path in args.manifests]
    return exit_codes.DONE if all(right) else exit_codes.NOT_STARTED


def validate(path: Path, sets: list[str], register: list[Path]) -> bool:
    """Say on stdout that ``path`` is right, or on stderr all that is wrong with it; whether it is right."""
    from parallelrun.api.manifest import load_manifest
    from parallelrun.api.registry import NotRegistered
    from parallelrun.local import registered
    from parallelrun.local.checking import check
    from parallelrun.local.pipelines import checking as pipelines
    from parallelrun.local.pipelines.detecting import is_pipeline

    try:
        if is_pipeline(path):
            pipelines.check(path, sets, register)
        elif not registered.of_file(path):
            check(load_manifest(path, sets), register)
    except NotRegistered as error:
        tell(f"{path}: {error.message}{'' if register else ' It may be in the cluster.'}")
        if register:
            tell(f"{error.hint}\n")
            return False
    except ManifestError as error:
        tell(f"{error}\n")
        return False
    give(f"{path}: ok")
    return True
