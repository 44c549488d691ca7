"""`parallelrun import`: another system's definitions as manifests of ours."""

from __future__ import annotations

import argparse
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.cli.terminal import give, tell

DESCRIPTION = """\
Turn a pipeline of Azure ML's v2 YAML (what `az ml job create --file` takes) into manifests that run here: parallel and
command jobs, their components, environments, data and arguments. A file that holds one such job or component becomes a
pipeline of one step; a schedule's file the pipeline that it starts, with its times.

The folder gets pipeline.yaml, registered.yaml (environments, compute targets and the like that it names), copies of the
code, and REPORT.md: for each field what it became, and what is to be done about those that could not be mapped. Data
stay where they are. The file of the workspace's assets that it names (azureml:NAME) are given by --with.

Examples:
  parallelrun import azureml pipeline.yml -o digits && parallelrun run digits/pipeline.yaml
  parallelrun import azureml pipeline.yml --with environment.yml --with data.yml -o digits --force

Exit status: 0 all is mapped or approximated, 1 something could not be mapped (all else is written), 2 the file cannot
be read."""

SOMETHING_LOST = exit_codes.JOB_FAILED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `import`."""
    parser.add_argument("system", choices=("azureml",), help="where it comes from")
    parser.add_argument("file", metavar="FILE.yml", type=Path, help="the pipeline")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--with",
        dest="beside",
        metavar="FILE.yml",
        action="append",
        default=[],
        type=Path,
        help="YAML of an asset of the workspace that the pipeline names; may be repeated",
    )
    parser.add_argument(
        "--no-packages",
        dest="packages",
        action="store_false",
        help="leave out what conda files list: the image, or this machine's Python, has it",
    )
    parser.add_argument("--force", action="store_true", help="replace what an earlier import wrote there")


def execute(args: argparse.Namespace) -> int:
    """Import it; the exit code."""
    from parallelrun.importing.azureml import import_pipeline, report

    findings = import_pipeline(args.file, args.output, args.beside, args.force, args.packages)
    for line in report.lines(findings):
        tell(line)
    tell(f"{report.counts(findings)}: see {args.output / 'REPORT.md'}")
    give(str(args.output / "pipeline.yaml"))
    return SOMETHING_LOST if findings.of("lost") else exit_codes.DONE
