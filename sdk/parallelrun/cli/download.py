"""`parallelrun download`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Fetch the files of a folder, or one file, of a claim in a cluster or of an object store into a folder here; what is
there under the same names is replaced. Each file comes whole or not at all.

From a claim a short-lived pod with your own rights reads them. From an object store this machine does, with the
credentials of this shell (AWS_ACCESS_KEY_ID and the like) or, of a datastore, those of a Secret in the files here or in
--register folders.

Examples:
  parallelrun download pvc://parallelrun/images images -n scoring
  parallelrun download pvc://parallelrun/sales/2026.csv .
  parallelrun download s3://bucket/images images
  parallelrun download datastore://lake/out/parallel_run_step.txt ."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `download`."""
    parser.add_argument(
        "url",
        metavar="URL",
        type=arguments.place_url,
        help="pvc://CLAIM/PATH, s3://BUCKET/PATH, az://ACCOUNT/CONTAINER/PATH, gs://BUCKET/PATH or datastore://NAME/PATH",
    )
    parser.add_argument("target", metavar="DIR", type=Path, help="the folder, which is made if need be")
    arguments.add_register(parser)
    arguments.add_image(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Fetch it; the exit code."""
    url = args.url
    if not url.startswith("pvc://"):
        from parallelrun.cli import store_files

        with store_files.located(args, url) as (there, storage):
            url = store_files.claim_of(there)
            if not url:
                return store_files.download(storage, there.text, args.target)
    from parallelrun.cli.in_cluster import files

    claim, path = arguments.claim_url(url)
    return files.download(claim, path, args.target, targets.place_of(args), args.image)
