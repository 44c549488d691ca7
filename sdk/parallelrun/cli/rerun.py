"""`parallelrun rerun`."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.cli import arguments, folders
from parallelrun.cli.run import add_json, add_resume, run_and_report
from parallelrun.local.request import RunRequest

DESCRIPTION = """\
Run a run's manifest again, in a new folder. The old folder is left as it is.

With --failed only the mini-batches without a success are run; the output has them and what succeeded before. The input
and the manifest have to be those of the first run, but for fields set with --set. The script is the first run's own
copy; to run a mended one, name its folder with --source.

Examples:
  parallelrun rerun mnist --failed
  parallelrun rerun mnist --failed --source ./code
  parallelrun rerun runs/mnist-20260131-120000 --failed --set spec.runInvocationTimeoutSeconds=600

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


def execute(args: argparse.Namespace) -> int:
    """Run it again."""
    request = RunRequest(
        rerun_of=folders.find(args.run),
        failed_only=args.failed,
        output=args.output,
        sets=args.sets,
        source=args.source,
        resume=args.resume,
    )
    return run_and_report(request, args.json)
