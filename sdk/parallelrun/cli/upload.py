"""`parallelrun upload`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Put the files of a folder, or one file, into a folder of a claim in a cluster; what is there under the same names is
replaced. A short-lived pod with your own rights writes them, each whole or not at all.

Examples:
  parallelrun upload images pvc://parallelrun/images -n scoring
  parallelrun upload sales.csv pvc://parallelrun/sales"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `upload`."""
    parser.add_argument("source", metavar="DIR", type=Path, help="the folder (its content is sent) or file")
    parser.add_argument("url", metavar="URL", type=arguments.claim_url, help="pvc://CLAIM/FOLDER")
    arguments.add_image(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Send it; the exit code."""
    if not args.source.exists():
        raise ManifestError(f"{args.source} does not exist.", "Name a folder or a file on this machine.")
    claim, path = args.url
    if not path:
        raise ManifestError(
            f"pvc://{claim}: name a folder on the claim, so that jobs can be given it and nothing else.",
            f"For example pvc://{claim}/{args.source.absolute().name}",
        )
    from parallelrun.cli.in_cluster import files

    return files.upload(args.source, claim, path, targets.place_of(args), args.image)
