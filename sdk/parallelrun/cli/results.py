"""`parallelrun results`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import RunFolderError
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.terminal import give, is_terminal, printable, tell
from parallelrun.local.results import copied, output_file

DESCRIPTION = """\
Print a finished run's output on stdout, or copy it.

With --to, the output file and the folders that the script wrote itself (spec.outputs) are copied into DIR, and the
paths of the copies are printed.

Of a job in a cluster, a short-lived pod with your own rights reads the volume. With --to, reports and logs come too:
`parallelrun get`, `failures` and `logs` work on DIR. The output is there only when it has the SHA-256 that the job's
status says.

Examples:
  parallelrun results | head
  parallelrun results mnist --to /data/mnist
  parallelrun results mnist -n scoring --to mnist-results"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `results`."""
    arguments.add_run(parser)
    parser.add_argument("--to", metavar="DIR", type=Path, help="copy into this folder, which is made if need be")
    arguments.add_image(parser)


def execute(args: argparse.Namespace) -> int:
    """Print or copy."""
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.copy_or_list(pipeline, args.to)
    target = targets.find(args)
    if isinstance(target, Path):
        return _results(target, args)
    from parallelrun.cli.in_cluster import files

    return files.results(target, args.to, args.image)


def _results(folder: Path, args: argparse.Namespace) -> int:
    run = folders.state(folder)
    if run.phase != "Done":
        raise RunFolderError(
            f"{folder} has no output: its phase is {run.phase}.",
            f"What succeeded is kept; see parallelrun failures {folder}" if run.phase == "Aborted" else "",
        )
    if args.to is not None:
        for copy in copied(args.to, run):
            give(str(copy))
    elif (main := output_file(run)) is None:
        tell(f"{folder} has no output file: its output action is SummaryOnly.")
    else:
        _print(main)
    return exit_codes.DONE


def _print(path: Path) -> None:
    if not is_terminal(sys.stdout):
        with open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()
        return
    if path.suffix == ".parquet":
        raise RunFolderError(
            f"{path} is Parquet, which is not for a terminal.", "Copy it: parallelrun results --to DIR"
        )
    with open(path, encoding="utf-8", errors="backslashreplace") as text:
        for line in text:
            sys.stdout.write(printable(line))
