"""`parallelrun wait`."""

from __future__ import annotations

import argparse
import time

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.terminal import give, tell

DESCRIPTION = """\
Wait until a run ends, then print its phase; or until a condition of a job in a cluster holds, then print that.

Exit status: the run's own: 0 done, 1 failed, 130 interrupted; 124 when --timeout passed first. With --for: 0 when the
condition held, 1 when the job ended without it.

Examples:
  parallelrun wait mnist --timeout 3600
  parallelrun wait mnist -n scoring --for Running"""

EVERY = 0.3  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `wait`."""
    arguments.add_run(parser)
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="give up after so long (default: never)")
    parser.add_argument(
        "--for",
        dest="condition",
        metavar="CONDITION",
        help="of a job in a cluster: Suspended, Running, Complete, Failed or Stalled (default: its end)",
    )


def execute(args: argparse.Namespace) -> int:
    """Wait."""
    if args.condition is None and (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.wait(pipeline, args.timeout)
    folder = targets.find(args)
    if isinstance(folder, targets.InCluster):
        from parallelrun.cli.in_cluster import following

        return following.wait(folder, args.condition, args.timeout)
    if args.condition is not None:
        raise ManifestError("--for is for a job in a cluster.", "A run on this machine is waited for till its end.")
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    while True:
        run = folders.state(folder)
        if not run.live:
            run = folders.settle(folder)
        if run.exit_code is not None:
            give(run.phase)
            return run.exit_code
        if deadline is not None and time.monotonic() >= deadline:
            tell(f"{folder} still goes on after {args.timeout:g} seconds: {run.phase}.")
            return exit_codes.TIMED_OUT
        time.sleep(EVERY)
