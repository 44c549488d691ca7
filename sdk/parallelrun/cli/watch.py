"""`parallelrun watch`."""

from __future__ import annotations

import argparse
import time

from parallelrun.api import exit_codes
from parallelrun.cli import arguments, folders, targets
from parallelrun.cli.live import choose, give_json
from parallelrun.cli.run import add_json
from parallelrun.cli.terminal import tell
from parallelrun.local import control

DESCRIPTION = """\
Show the progress of a live run until it ends. Leaving (Ctrl-C) does not touch the run.

Exit status: the run's own: 0 done, 1 failed, 130 interrupted.

Examples:
  parallelrun watch
  parallelrun watch mnist --json
  parallelrun watch mnist -n scoring"""

EVERY = 0.3  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `watch`."""
    arguments.add_run(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Show progress till the end."""
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.watch(pipeline, args.json)
    folder = targets.find(args)
    if isinstance(folder, targets.InCluster):
        from parallelrun.cli.in_cluster import following

        return following.watch(folder, args.json)
    display = choose(args.json)
    try:
        while True:
            display.progress(control.ask(folder, "status"))
            time.sleep(EVERY)
    except control.NotLive:
        pass
    finally:
        display.close()
    run = folders.settle(folder)
    if args.json:
        give_json({"type": "result", **run.as_json()})
    tell(f"{folder}: {run.phase}" + (f" ({run.reason}: {run.message})" if run.reason else ""))
    return exit_codes.DONE if run.exit_code is None else run.exit_code
