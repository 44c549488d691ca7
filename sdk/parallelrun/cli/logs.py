"""`parallelrun logs`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import RunFolderError
from parallelrun.cli import arguments, targets
from parallelrun.cli.terminal import is_terminal, printable, tell
from parallelrun.local import control, log_files
from parallelrun.local.log_files import SCRIPT, STDERR, STDOUT, SYS, Log, Selection, Tail

DESCRIPTION = """\
Print what the script's processes printed (stdout, stderr) and logged, or with --sys what parallelrun itself logged.

A process runs one mini-batch after the other and writes to one file: --mini-batch and --failed choose the processes
that ran them, and show all that these wrote.

Of a job in a cluster that still goes on, these are the lines of its pods, stdout and stderr together; of one that is
over, and with --mini-batch, --failed or --stderr, the files on its volume, which a short-lived pod reads.

Examples:
  parallelrun logs -f
  parallelrun logs mnist --failed --stderr --tail 50
  parallelrun logs mnist --node 1 --process 0
  parallelrun logs mnist -n scoring -f"""

EVERY = 0.3  # seconds
Places = set[tuple[int, int | None]]  # (node, process; None: not known which)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `logs`."""
    arguments.add_run(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing until the run ends")
    parser.add_argument("--tail", metavar="N", type=arguments.positive, help="only the last N lines of each file")
    parser.add_argument("--node", metavar="N", type=arguments.positive, help="only this node's")
    parser.add_argument("--process", metavar="N", type=arguments.positive, help="only this process's, on each node")
    parser.add_argument("--mini-batch", metavar="N", type=arguments.positive, help="of the process that ran this one")
    parser.add_argument("--failed", action="store_true", help="of the processes that ran mini-batches that failed")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--stderr", action="store_true", help="only what was printed to stderr")
    kind.add_argument("--sys", action="store_true", help="parallelrun's own log of each node")
    arguments.add_image(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the logs."""
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.each_step(pipeline, lambda folder: show(folder, args, _places(folder, args)))
    target = targets.find(args)
    if isinstance(target, Path):
        return show(target, args, _places(target, args))
    from parallelrun.cli.in_cluster import job_logs

    return job_logs.logs(target, args)


def show(folder: Path, args: argparse.Namespace, places: Places | None) -> int:
    """Print the logs in a run's folder, of ``places`` (None: all), as ``args`` says; the exit code."""
    selection = Selection(kinds(args), args.node, args.process, places)
    tails = _Tails(folder, selection, args.tail)
    try:
        if args.follow:
            while control.is_live(folder):
                tails.show()
                time.sleep(EVERY)
        tails.show()
        tails.finish()
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    if not tails.any:
        tell("There is no such log: nothing was printed, or nothing has run yet.")
    return exit_codes.DONE


def kinds(args: argparse.Namespace) -> tuple[str, ...]:
    """The kinds of logs that ``args`` asks for."""
    if args.sys:
        return (SYS,)
    return (STDERR,) if args.stderr else (STDOUT, STDERR, SCRIPT)


def _places(folder: Path, args: argparse.Namespace) -> Places | None:
    if args.mini_batch is None and not args.failed:
        return None
    return places_of(folder, args.mini_batch, args.failed, str(folder))


def places_of(folder: Path, mini_batch: int | None, failed: bool, shown: str) -> Places:
    """Which processes ran that mini-batch, or ones that failed. Raises RunFolderError that names ``shown``."""
    from parallelrun.local import outcomes

    places = outcomes.places(folder, mini_batch, failed)
    if not places:
        what = f"mini-batch {mini_batch}" if mini_batch is not None else "a mini-batch that failed"
        raise RunFolderError(f"{shown}: no process of this run ran {what}.")
    return places


class _Tails:
    """All wanted logs, those that appear later included."""

    def __init__(self, folder: Path, selection: Selection, last: int | None) -> None:
        self._folder = folder
        self._selection = selection
        self._last = last
        self._tails: dict[Log, Tail] = {}
        self._safe = is_terminal(sys.stdout)

    @property
    def any(self) -> bool:
        """Whether there was any log."""
        return bool(self._tails)

    def show(self) -> None:
        """Print what is new."""
        for log in log_files.select(self._folder, self._selection):
            if log not in self._tails:
                self._tails[log] = Tail(log, self._last)
        for tail in self._tails.values():
            self._print(tail.log, tail.lines())
        sys.stdout.flush()

    def finish(self) -> None:
        """Print last lines that have no end."""
        for tail in self._tails.values():
            self._print(tail.log, tail.rest())
        sys.stdout.flush()

    def _print(self, log: Log, lines: Iterable[bytes]) -> None:
        mark = f"{log.label} | ".encode() if len(self._tails) > 1 else b""
        if not self._safe:
            for line in lines:
                sys.stdout.buffer.write(mark + line + b"\n")
            return
        for line in lines:
            for part in line.decode("utf-8", "backslashreplace").split("\r"):
                sys.stdout.write(mark.decode() + printable(part) + "\n")
