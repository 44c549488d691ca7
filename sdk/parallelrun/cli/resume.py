"""`parallelrun resume`."""

from __future__ import annotations

import argparse

from parallelrun.cli import arguments
from parallelrun.cli.steering import steer

DESCRIPTION = """\
Let a suspended run go on.

A run that was interrupted has no process that could go on: start it again with `parallelrun run JOB.yaml --resume`.

Examples:
  parallelrun resume mnist
  parallelrun resume mnist -n scoring"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `resume`."""
    arguments.add_run(parser, required=True)


def execute(args: argparse.Namespace) -> int:
    """Send it."""
    return steer(args, "resume", "goes on", suspend=False)
