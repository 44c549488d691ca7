"""`parallelrun failures`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import exit_codes
from parallelrun.cli import arguments, folders, summary, targets
from parallelrun.cli.tables import give_as
from parallelrun.cli.terminal import give, plural, printable, tell

if TYPE_CHECKING:
    from parallelrun_agent.report.failures import Failure, Group

DESCRIPTION = """\
Show the mini-batches that failed for good, grouped by exception, the most frequent first. Of each group: how many, the
first one's files and traceback, and the numbers of some others.

-o json and -o yaml have every failure, with all files and the whole traceback; -o name has their numbers.

Examples:
  parallelrun failures
  parallelrun failures mnist --full
  parallelrun failures mnist --mini-batch 17
  parallelrun failures mnist -o json | jq -r '.[].files[]'
  parallelrun failures mnist -n scoring"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `failures`."""
    arguments.add_run(parser)
    parser.add_argument("--mini-batch", metavar="N", type=arguments.positive, help="only this one, in full")
    parser.add_argument("--full", action="store_true", help="every failure, all files, whole tracebacks")
    arguments.add_format(parser)
    arguments.add_image(parser)


def execute(args: argparse.Namespace) -> int:
    """Print them."""
    if (pipeline := targets.pipeline(args)) is not None:
        from parallelrun.cli import pipeline_runs

        return pipeline_runs.each_step(pipeline, lambda folder: show(folder, args))
    target = targets.find(args)
    if isinstance(target, Path):
        return show(target, args)
    from parallelrun.cli.in_cluster.files import copied_reports

    with copied_reports(target, args.image) as folder:
        return show(folder, args)


def show(folder: Path, args: argparse.Namespace) -> int:
    """Print the failures of a run's folder; the exit code."""
    failures = _failures(folder, args.mini_batch)
    if args.format != "table":
        values = [as_json(failure) for failure in failures]
        give_as(args.format, values, [str(value["miniBatch"]) for value in values], (), ())
    elif args.full or args.mini_batch is not None:
        _give_each(failures)
    else:
        _give_groups(failures)
    _tell_end(folders.state(folder))
    return exit_codes.DONE


def _failures(folder: Path, mini_batch: int | None) -> Iterator[Failure]:
    from parallelrun_agent.report.reading import RunReport

    found = RunReport(folder).failures()
    return found if mini_batch is None else (failure for failure in found if failure.mini_batch == mini_batch)


def as_json(failure: Failure) -> dict[str, Any]:
    """A failure for programs, names as in job_result.json."""
    value = dataclasses.asdict(failure)
    return {"miniBatch": value.pop("mini_batch"), **value}


def _give_each(failures: Iterator[Failure]) -> None:
    for failure in failures:
        give(printable("\n".join([*summary.failure_lines(as_json(failure), full=True), ""])))


def _give_groups(failures: Iterator[Failure]) -> None:
    from parallelrun_agent.report.failures import grouped

    for group in grouped(failures):
        give(printable("\n".join([*_group_lines(group), ""])))


def _group_lines(group: Group) -> list[str]:
    head = f"{group.exception}: {plural(group.count, 'mini-batch')}, {plural(group.items, 'item')}"
    lines = [head, *("  " + line for line in summary.failure_lines(as_json(group.first), "the first: "))]
    others = [str(number) for number in group.mini_batches if number != group.first.mini_batch]
    if others:
        more = group.count - 1 - len(others)
        lines.append(f"  also: {', '.join(others)}" + (f" and {more:,} more" if more else ""))
    return lines


def _tell_end(run: folders.State) -> None:
    if run.phase == "Aborted":
        tell(f"The job failed: {run.reason}: {run.message}")
    elif not run.failed and run.phase == "Done":
        tell("No mini-batch failed.")
