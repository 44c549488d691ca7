"""`parallelrun doctor`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.cli import arguments, machine
from parallelrun.cli.tables import give_as

DESCRIPTION = """\
Check this machine for what runs need: Python, packages, disk, memory, limits, GPUs. Each line is ok, warn or bad, the
last two with what to do.

Exit status: 0, or 1 when something is bad: no run would work.

Example:
  parallelrun doctor"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `doctor`."""
    arguments.add_format(parser, ("table", "json", "yaml"))


def execute(args: argparse.Namespace) -> int:
    """Check all and print."""
    findings = [check() for check in machine.checks(Path.cwd())]
    rows = [(f.verdict, f.subject, f.found + (f": {f.remedy}" if f.remedy else "")) for f in findings]
    give_as(args.format, [dataclasses.asdict(f) for f in findings], [], ("", "", ""), rows)
    return exit_codes.JOB_FAILED if any(f.verdict == machine.BAD for f in findings) else exit_codes.DONE
