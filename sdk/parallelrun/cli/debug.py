"""`parallelrun debug`: one mini-batch, by the same code that runs it in a job, in this terminal."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.api.settings import JobSettings
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.terminal import tell

DESCRIPTION = """\
Run one mini-batch in this terminal, under pdb: it stops at the start of run(), and where an exception was raised.

The script, its arguments, packages, models and input are those of the run; for a manifest, the input is planned first.
There is no time limit and no second try. Nothing of the run is changed: the script works on a copy of its folder, and
what it writes to $(outputs.x) goes to a temporary folder.

What run() returned is printed on stdout. Of a job with runOnce, --mini-batch 0 is its program, from its first line.

Examples:
  parallelrun debug mnist --mini-batch 17
  parallelrun debug mnist --mini-batch 17 --source ./code       # the script as it is there now
  parallelrun debug job.yaml --mini-batch 0 --no-pdb

Exit status: 0 when run() returned what a job takes, 1 when it did not, 2 when it was not called."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `debug`."""
    parser.add_argument("target", metavar="RUN|JOB.yaml", help="a run, as for other commands, or a manifest")
    parser.add_argument(
        "--mini-batch", metavar="N", type=arguments.positive, required=True, help="its number, as in logs and failures"
    )
    parser.add_argument("--no-pdb", action="store_true", help="only run it")
    parser.add_argument("--source", metavar="DIR", type=Path, help="the script's folder, in place of the run's copy")
    arguments.add_sets(parser)
    arguments.add_maps(parser)
    arguments.add_register(parser)
    arguments.add_cluster(parser)


def execute(args: argparse.Namespace) -> int:
    """Set the mini-batch up in a temporary folder and run it."""
    from parallelrun.cli.debug_session import Session

    if targets.place_of(args).said:
        raise ManifestError(
            "debug runs a mini-batch on this machine, and needs the run and its input here.",
            "Fetch the input (parallelrun download), then: parallelrun debug JOB.yaml --mini-batch N --map URL=DIR",
        )
    if args.source is not None and not args.source.is_dir():
        raise ManifestError(f"--source {args.source}: there is no such folder.")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallelrun-debug-")))
        planned = _planned(args, scratch / "run", stack)
        session = Session(*planned, args.mini_batch, scratch / "debug", args.source)
        return session.run(under_pdb=not args.no_pdb)


def _planned(args: argparse.Namespace, scratch: Path, stack: ExitStack) -> tuple[Path, JobSettings, str]:
    """The folder of a run, its settings and the hash of its plan; all made in ``scratch`` for a manifest.

    Credentials of datastores are there until ``stack`` is closed.
    """
    if args.target.endswith((".yaml", ".yml")) and not Path(args.target).is_dir():
        return scratch, *_plan_manifest(args, scratch, stack)
    if args.sets or args.maps or args.register:
        raise ManifestError("--set, --map and --register are for a manifest: a run has its settings.")
    from parallelrun.local import resume

    folder = folders.find(args.target)
    header = folders.read_if_there(folder, layout.HEADER)
    if not header.get("plan"):
        raise RunFolderError(f"{folder} has no plan: it ended before its input was listed.")
    settings = resume.settings_with_credentials(folder, tell, stack.callback)
    return folder, settings, str(header["plan"]["sha256"])


def _plan_manifest(args: argparse.Namespace, folder: Path, stack: ExitStack) -> tuple[JobSettings, str]:
    from parallelrun.api.manifest import load_manifest
    from parallelrun.local.front_door import open_job
    from parallelrun_agent.plan import make_plan

    loaded = load_manifest(args.target, args.sets)
    prepared = open_job(
        loaded, output=folder, maps=dict(args.maps), source=args.source, register=args.register, say=tell
    )
    stack.callback(prepared.close)
    return prepared.settings, make_plan(prepared.settings, folder).sha256
