"""`parallelrun wait`."""

from __future__ import annotations

import argparse
import time

from parallelrun.api import exit_codes
from parallelrun.cli import arguments, folders
from parallelrun.cli.terminal import give, tell

DESCRIPTION = """\
Wait until a run ends, then print its phase.

Exit status: the run's own: 0 done, 1 failed, 130 interrupted; 124 when --timeout passed first.

Examples:
  parallelrun wait mnist --timeout 3600"""

EVERY = 0.3  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `wait`."""
    arguments.add_run(parser)
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="give up after so long (default: never)")


def execute(args: argparse.Namespace) -> int:
    """Wait."""
    folder = folders.find(args.run)
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
