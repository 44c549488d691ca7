"""`parallelrun download`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Fetch the files of a folder, or one file, of a claim in a cluster into a folder here; what is there under the same names
is replaced. A short-lived pod with your own rights reads them; each file comes whole or not at all.

Examples:
  parallelrun download pvc://parallelrun/images images -n scoring
  parallelrun download pvc://parallelrun/sales/2026.csv ."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `download`."""
    parser.add_argument("url", metavar="URL", type=arguments.claim_url, help="pvc://CLAIM/PATH")
    parser.add_argument("target", metavar="DIR", type=Path, help="the folder, which is made if need be")
    arguments.add_image(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Fetch it; the exit code."""
    from parallelrun.cli.in_cluster import files

    claim, path = args.url
    return files.download(claim, path, args.target, targets.place_of(args), args.image)
