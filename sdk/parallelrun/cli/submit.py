"""`parallelrun submit`: a manifest, to a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets

DESCRIPTION = """\
Check a manifest, pack its spec.source.directory into a ConfigMap, and apply it all to a cluster.

The other documents of the file, or what the kustomization makes, are applied too. The source is named by the hash of
its content and is deleted with the job. With metadata.generateName each submission is a job of its own.

The job's name is printed on stdout, with -o yaml or json the job, with --dry-run all objects.

Examples:
  parallelrun submit job.yaml -n scoring --watch
  parallelrun submit -k examples/mnist
  parallelrun submit job.yaml --set metadata.name=mnist-2 --set spec.nodeCount=8
  parallelrun submit job.yaml --dry-run=client -o yaml | kubectl diff -f -

Exit status: 0 submitted, 2 refused; with --watch the job's own: 0 done, 1 failed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `submit`."""
    parser.add_argument("manifest", metavar="JOB.yaml", nargs="?", type=Path, help="the manifest")
    parser.add_argument("-k", dest="kustomize", metavar="DIR", type=Path, help="a folder with a kustomization.yaml")
    arguments.add_sets(parser)
    parser.add_argument("--watch", action="store_true", help="then show its progress until it ends")
    parser.add_argument(
        "--dry-run",
        choices=("client", "server"),
        help="client: only make the objects; server: let the API server check them and store nothing",
    )
    arguments.add_format(parser, ("name", "json", "yaml"))
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Submit it; the exit code."""
    if (args.manifest is None) == (args.kustomize is None):
        count = "neither" if args.manifest is None else "both"
        raise ManifestError(f"Give a manifest or -k DIR: {count} was given.", "Example: parallelrun submit job.yaml")
    if args.watch and args.dry_run:
        raise ManifestError("--watch and --dry-run: nothing is there to watch after a dry run.", "Leave out one.")
    from parallelrun.cli.in_cluster import submitting

    return submitting.submit(args, targets.place_of(args))
