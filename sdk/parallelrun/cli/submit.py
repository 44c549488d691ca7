"""`parallelrun submit`: a manifest, to a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, pipeline_arguments, targets
from parallelrun.local.pipelines.detecting import is_pipeline

DESCRIPTION = """\
Check a manifest, pack its spec.source.directory into a ConfigMap, and apply it all to a cluster.

The other documents of the file, or what the kustomization makes, are applied too. The source is named by the hash of
its content and is deleted with the job. With metadata.generateName each submission is a job of its own.

Of a file with a pipeline, the pipeline is applied, with the code of each step, and a run of it is started: with the
parameters given, or the one that stands in the file.

The name of the job, or of the run, is printed on stdout, with -o yaml or json the job, with --dry-run all objects.

Examples:
  parallelrun submit job.yaml -n scoring --watch
  parallelrun submit -k examples/mnist
  parallelrun submit job.yaml --set metadata.name=mnist-2 --set spec.nodeCount=8
  parallelrun submit pipeline.yaml --param batch_size=1 --watch
  parallelrun submit job.yaml --dry-run=client -o yaml | kubectl diff -f -

Exit status: 0 submitted, 2 refused; with --watch the job's own: 0 done, 1 failed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `submit`."""
    parser.add_argument("manifest", metavar="FILE.yaml", nargs="?", type=Path, help="manifest of a job or a pipeline")
    parser.add_argument("-k", dest="kustomize", metavar="DIR", type=Path, help="a folder with a kustomization.yaml")
    arguments.add_sets(parser)
    parser.add_argument("--watch", action="store_true", help="then show its progress until it ends")
    parser.add_argument(
        "--dry-run",
        choices=("client", "server"),
        help="client: only make the objects; server: let the API server check them and store nothing",
    )
    pipeline_arguments.add_arguments(parser)
    parser.add_argument("--no-run", action="store_true", help="of a pipeline: apply it, and start no run of it")
    arguments.add_format(parser, ("name", "json", "yaml"))
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Submit it; the exit code."""
    if (args.manifest is None) == (args.kustomize is None):
        count = "neither" if args.manifest is None else "both"
        raise ManifestError(f"Give a manifest or -k DIR: {count} was given.", "Example: parallelrun submit job.yaml")
    if args.watch and args.dry_run:
        raise ManifestError("--watch and --dry-run: nothing is there to watch after a dry run.", "Leave out one.")
    if args.manifest is not None and is_pipeline(args.manifest):
        from parallelrun.cli.in_cluster import pipeline_runs

        return pipeline_runs.submit(args, targets.place_of(args))
    pipeline_arguments.refuse_for_job(args)
    if args.no_run:
        raise ManifestError("--no-run is for pipelines, and this is a job.", "To let a job wait: spec.suspend: true")
    from parallelrun.cli.in_cluster import submitting

    return submitting.submit(args, targets.place_of(args))
