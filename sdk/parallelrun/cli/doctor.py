"""`parallelrun doctor`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.cli import arguments, machine, targets
from parallelrun.cli.tables import give_as
from parallelrun.cluster import place

DESCRIPTION = """\
Check this machine for what runs need: Python, packages, disk, memory, limits, GPUs. Each line is ok, warn or bad, the
last two with what to do. Where there is a cluster to speak to, that too: whether it answers, knows ParallelRunJobs and
has a live operator, and what you may do there.

Exit status: 0, or 1 when something is bad: no run would work.

Examples:
  parallelrun doctor
  parallelrun doctor -n scoring"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `doctor`."""
    arguments.add_format(parser, ("table", "json", "yaml"))
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Check all and print."""
    findings = [check() for check in machine.checks(Path.cwd())]
    if targets.place_of(args).said or place.configured():
        from parallelrun.cluster.checkup import checkup

        findings += [machine.Finding(*found) for found in checkup(targets.place_of(args))]
    rows = [(f.verdict, f.subject, f.found + (f": {f.remedy}" if f.remedy else "")) for f in findings]
    give_as(args.format, [dataclasses.asdict(f) for f in findings], [], ("", "", ""), rows)
    return exit_codes.JOB_FAILED if any(f.verdict == machine.BAD for f in findings) else exit_codes.DONE
