"""`parallelrun upload`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Put the files of a folder, or one file, into a folder of a claim in a cluster or of an object store; what is there under
the same names is replaced. Each file goes whole or not at all.

To a claim a short-lived pod with your own rights writes them. To an object store this machine does, with the
credentials of this shell (AWS_ACCESS_KEY_ID and the like) or, of a datastore, those of a Secret in the files here or in
--register folders.

Examples:
  parallelrun upload images pvc://parallelrun/images -n scoring
  parallelrun upload sales.csv pvc://parallelrun/sales
  parallelrun upload images az://account/container/images
  parallelrun upload images datastore://lake/images"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `upload`."""
    parser.add_argument("source", metavar="DIR", type=Path, help="the folder (its content is sent) or file")
    parser.add_argument(
        "url",
        metavar="URL",
        type=arguments.place_url,
        help="pvc://CLAIM/FOLDER, s3://BUCKET/FOLDER, az://ACCOUNT/CONTAINER/FOLDER, gs://BUCKET/FOLDER or "
        "datastore://NAME/FOLDER",
    )
    arguments.add_register(parser)
    arguments.add_image(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Send it; the exit code."""
    if not args.source.exists():
        raise ManifestError(f"{args.source} does not exist.", "Name a folder or a file on this machine.")
    url = args.url
    if not url.startswith("pvc://"):
        from parallelrun.cli import store_files

        with store_files.located(args, url, write=True) as (there, storage):
            url = store_files.claim_of(there)
            if not url:
                return store_files.upload(storage, args.source, there.text)
    claim, path = arguments.claim_url(url)
    if not path:
        raise ManifestError(
            f"pvc://{claim}: name a folder on the claim, so that jobs can be given it and nothing else.",
            f"For example pvc://{claim}/{args.source.absolute().name}",
        )
    from parallelrun.cli.in_cluster import files

    return files.upload(args.source, claim, path, targets.place_of(args), args.image)
