"""`parallelrun cancel`."""

from __future__ import annotations

import argparse

from parallelrun.cli import arguments
from parallelrun.cli.steering import steer

DESCRIPTION = """\
End a live run, as failed with reason Cancelled. What is finished is kept: `parallelrun run JOB.yaml --resume` goes on
with it, and `parallelrun rerun --failed` with a job in a cluster.

Examples:
  parallelrun cancel mnist
  parallelrun cancel mnist -n scoring"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `cancel`."""
    arguments.add_run(parser, required=True)


def execute(args: argparse.Namespace) -> int:
    """Send it."""
    return steer(args, "cancel", "cancelled", cancel=True)
