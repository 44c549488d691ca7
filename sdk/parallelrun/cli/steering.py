"""What `suspend`, `resume` and `cancel` have in common: one word to a live run, and its answer."""

from __future__ import annotations

import argparse

from parallelrun.api import exit_codes
from parallelrun.api.errors import RunFolderError
from parallelrun.cli import folders, targets
from parallelrun.cli.terminal import tell
from parallelrun.local import control
from parallelrun.local.progress import counts_text


def steer(args: argparse.Namespace, command: str, done: str, **spec: bool) -> int:
    """Send ``command`` to the run that ``args`` name and say that it is ``done``. Raises RunFolderError.

    ``spec``: what it means for a job in a cluster.
    """
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.steer(pipeline, command, done)
    folder = targets.find(args)
    if isinstance(folder, targets.InCluster):
        from parallelrun.cli.in_cluster import steering

        return steering.steer(folder, done, **spec)
    try:
        snapshot = control.ask(folder, command)
    except control.NotLive as error:
        run = folders.state(folder)
        hint = "" if run.phase in folders.ENDED else "Go on with it: parallelrun run JOB.yaml --resume"
        raise RunFolderError(f"{error.message} Its phase is {run.phase}.", hint) from None
    tell(f"{folder}: {done}; {counts_text(snapshot)}")
    return exit_codes.DONE
