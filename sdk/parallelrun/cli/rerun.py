"""`parallelrun rerun`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, targets
from parallelrun.cli.run import add_json, add_resume, run_and_report
from parallelrun.local.request import RunRequest

DESCRIPTION = """\
Run a run's manifest again, in a new folder. The old folder is left as it is. Of a job in a cluster: create a job named
JOB-rerun-N that runs it again.

With --failed only the mini-batches without a success are run; the output has them and what succeeded before. The input
and the manifest have to be those of the first run, but for fields set with --set. The script is the first run's own
copy; to run a mended one, name its folder with --source.

Examples:
  parallelrun rerun mnist --failed
  parallelrun rerun mnist --failed --source ./code
  parallelrun rerun runs/mnist-20260131-120000 --failed --set spec.runInvocationTimeoutSeconds=600
  parallelrun rerun mnist -n scoring --failed --watch

Exit status: as `parallelrun run`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `rerun`."""
    arguments.add_run(parser)
    parser.add_argument("--failed", action="store_true", help="only mini-batches without a success")
    arguments.add_output(parser)
    arguments.add_sets(parser)
    parser.add_argument("--source", metavar="DIR", type=Path, help="the script's folder, in place of the run's copy")
    add_resume(parser)
    add_json(parser)
    parser.add_argument("--watch", action="store_true", help="of a job in a cluster: then show its progress")


def execute(args: argparse.Namespace) -> int:
    """Run it again."""
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.rerun(pipeline, args)
    target = targets.find(args)
    if isinstance(target, targets.InCluster):
        return _in_cluster(target, args)
    request = RunRequest(
        rerun_of=target,
        failed_only=args.failed,
        output=args.output,
        sets=args.sets,
        source=args.source,
        resume=args.resume,
    )
    return run_and_report(request, args.json)


def _in_cluster(target: targets.InCluster, args: argparse.Namespace) -> int:
    given = [name for name in ("output", "resume", "json") if getattr(args, name)]
    if given:
        raise ManifestError(
            f"--{given[0]} is for a run on this machine; {target.name} is a job in a cluster.",
            "Follow the new job with --watch, or with: parallelrun watch JOB --json",
        )
    from parallelrun.cli.in_cluster import submitting

    return submitting.rerun(target, args)
