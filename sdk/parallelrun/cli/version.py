"""`parallelrun version`."""

from __future__ import annotations

import argparse

from parallelrun import __version__
from parallelrun.api import exit_codes
from parallelrun.cli.terminal import give

DESCRIPTION = "Print the version, as `parallelrun --version` does."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing may be typed after `version`."""


def execute(_: argparse.Namespace) -> int:
    """Print the version."""
    give(f"parallelrun {__version__}")
    return exit_codes.DONE
