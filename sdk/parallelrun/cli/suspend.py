"""`parallelrun suspend`."""

from __future__ import annotations

import argparse

from parallelrun.cli import arguments
from parallelrun.cli.steering import steer

DESCRIPTION = """\
Pause a live run: mini-batches in work finish and are kept, no new one starts, until `parallelrun resume`.

Examples:
  parallelrun suspend mnist
  parallelrun suspend mnist -n scoring"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `suspend`."""
    arguments.add_run(parser, required=True)


def execute(args: argparse.Namespace) -> int:
    """Send it."""
    return steer(args, "suspend", "suspended", suspend=True)
