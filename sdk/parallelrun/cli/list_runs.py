"""`parallelrun list`."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.tables import give_as
from parallelrun.cli.terminal import duration, tell

DESCRIPTION = """\
List the runs under ./runs, of jobs and of pipelines, the newest last; or the jobs in a cluster, when one is named or
nothing was run here. With a word, list what is registered: in the cluster, or with --register (or where there is no
cluster) in files.

Phase "Interrupted" is a run that has not ended and that no process runs; `parallelrun run JOB.yaml --resume` goes on
with it.

Examples:
  parallelrun list
  parallelrun list -o name | tail -1
  parallelrun list -n scoring
  parallelrun list -A
  parallelrun list --pipelines -n scoring
  parallelrun list datasets
  parallelrun list models --register registry/"""

if TYPE_CHECKING:
    from parallelrun.local.pipelines.state import PipelineState

REGISTERED = ("datastores", "datasets", "models", "environments", "computetargets")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `list`."""
    parser.add_argument("what", metavar="WHAT", nargs="?", choices=REGISTERED, help=f"one of {', '.join(REGISTERED)}")
    arguments.add_format(parser)
    arguments.add_register(parser)
    arguments.add_cluster(parser)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the jobs of all namespaces of the cluster")
    parser.add_argument("--pipelines", action="store_true", help="the runs of pipelines in the cluster, not the jobs")


def execute(args: argparse.Namespace) -> int:
    """Print the list."""
    if args.what is not None:
        from parallelrun.cli import list_registered

        return list_registered.execute(args)
    if args.register:
        raise ManifestError(
            "--register is for what is registered.", "Say what: parallelrun list datasets --register DIR"
        )
    if args.pipelines:
        from parallelrun.cli.in_cluster import pipeline_runs

        return pipeline_runs.give_list(targets.place_of(args), args.all_namespaces, args.format)
    if args.all_namespaces or targets.means_cluster(args):
        from parallelrun.cli.in_cluster import looking

        return looking.give_list(targets.place_of(args), args.all_namespaces, args.format)
    every: list[folders.State | PipelineState] = [*_readable(), *_pipelines()]
    states = sorted(every, key=lambda run: (run.started, run.folder))
    now = time.time()
    rows = [(*_row(run), duration(max(now - run.started, 0))) for run in states]
    names = [str(run.folder) for run in states]
    headings = ("NAME", "PHASE", "PROGRESS", "FAILED", "AGE")
    give_as(args.format, [run.as_json() for run in states], names, headings, rows)
    if not states:
        tell(f"There is no run under {folders.RUNS.resolve()}.")
    return exit_codes.DONE


def _row(run: folders.State | PipelineState) -> tuple[object, ...]:
    done = progress(run) if isinstance(run, folders.State) else f"{run.progress} steps"
    return run.folder.name, run.phase, done, run.failed


def _pipelines() -> list[PipelineState]:
    from parallelrun.local.pipelines import folder, state

    return [state.state(one) for one in folder.all_in(folders.RUNS)]


def progress(run: folders.State) -> str | None:
    """``12/1000``; what is not known is a question mark, and None when nothing is."""
    if run.total is None:
        return None
    return f"{'?' if run.completed is None else run.completed}/{run.total}"


def _readable() -> list[folders.State]:
    states = []
    for folder in folders.all_runs():
        try:
            states.append(folders.state(folder))
        except RunFolderError as error:
            tell(f"left out: {error.message}")
    return states
