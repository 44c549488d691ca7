"""What commands that are about a run do with a pipeline's: `get`, `results`, `failures`, `logs`, `rerun`, ..."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import ManifestError, RunFolderError
from parallelrun.cli.pipeline_display import choose
from parallelrun.cli.pipeline_summary import HEADINGS, rows
from parallelrun.cli.tables import give_as, table
from parallelrun.cli.terminal import give, tell
from parallelrun.local import control, results, runs
from parallelrun.local.pipelines import folder as folders
from parallelrun.local.pipelines.request import PipelineOutcome, PipelineRequest, StepRecord
from parallelrun.local.pipelines.state import PipelineState, state, with_progress
from parallelrun.local.request import Snapshot
from parallelrun.pipelines import states

EVERY = 0.3  # seconds


def get(folder: Path, args: argparse.Namespace) -> int:
    """`get`."""
    now = with_progress(state(folder))
    if args.format == "resolved":
        raise RunFolderError(f"{folder} is a pipeline's run.", f"Name a step: --step {_names(now)}")
    facts: list[tuple[str, object]] = [("pipeline", now.name), ("folder", now.folder), ("phase", now.phase)]
    facts += [("message", now.message)] if now.message else []
    facts += [("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now.started)))]
    facts += [(f"parameter {name}", json.dumps(value)) for name, value in now.parameters.items()]
    if args.format != "table":
        give_as(args.format, now.as_json(), [str(folder)], (), ())
        return exit_codes.DONE
    give_as("table", None, (), ("", ""), facts)
    give("")
    told = [(*row, one.message.partition("\n")[0] or None) for row, one in zip(rows(now.steps), now.steps, strict=True)]
    give(table((*HEADINGS, "MESSAGE"), told))
    return exit_codes.DONE


def copy_or_list(folder: Path, to: Path | None) -> int:
    """`results`: where each step's outputs are; or copies of all of them in a folder a step."""
    now = state(folder)
    left = [record for record in now.steps if record.phase in states.GOOD]
    if not left:
        raise RunFolderError(f"{folder} has no output: its phase is {now.phase}.")
    if to is None:
        every = [(one.name, name, place) for one in left for name, place in sorted(one.outputs.items())]
        give(table(("STEP", "OUTPUT", "PLACE"), every))
        tell(f"Print a job's output: --step {_names(now)}")
        return exit_codes.DONE
    for record in left:
        for copy in results.copied(to / record.name, runs.state(now.step_folder(record.name))):
            give(str(copy))
    return exit_codes.DONE


def each_step(folder: Path, show: Callable[[Path], int]) -> int:
    """`failures`, `logs`: of one step after the other."""
    now = state(folder)
    for record in now.steps:
        try:
            place = now.step_folder(record.name)
        except RunFolderError:
            tell(f"== {record.name}: {record.phase}{_why(record)}")
            continue
        tell(f"== {record.name}: {record.phase}")
        show(place)
    return exit_codes.DONE


def rerun(folder: Path, args: argparse.Namespace) -> int:
    """`rerun`: what failed and what was not started; or all of it."""
    from parallelrun.cli.pipeline_arguments import refuse_for_pipeline
    from parallelrun.cli.pipelines import run_and_report

    refuse_for_pipeline(args)
    if args.failed:
        request = PipelineRequest(rerun_of=folder, output=args.output, resume=args.resume)
        return run_and_report(request, args.json)
    asked, result = folders.read_request(folder), folders.read_result(folder)
    if asked["given"]:
        raise ManifestError(
            f"{folder} was begun by a program.", "Run it from there again, or only what failed: --failed"
        )
    request = PipelineRequest(
        manifest=Path(asked["manifest"]),
        parameters=result["parameters"],
        output=args.output,
        maps=asked["maps"],
        register=[Path(one) for one in asked["register"]],
        resume=args.resume,
        regenerate=True,
        continue_on_step_failure=asked["continueOnStepFailure"],
    )
    return run_and_report(request, args.json)


def steer(folder: Path, command: str, done: str) -> int:
    """`suspend`, `resume`, `cancel`."""
    try:
        snapshot = control.ask(folder, command)
    except control.NotLive as error:
        now = state(folder)
        hint = "Go on with it: parallelrun run PIPELINE.yaml --resume" if now.phase == "Interrupted" else ""
        raise RunFolderError(f"{error.message} Its phase is {now.phase}.", hint) from None
    tell(f"{folder}: {done}; {snapshot.completed} of {snapshot.total} steps have ended")
    return exit_codes.DONE


def wait(folder: Path, timeout: float | None) -> int:
    """`wait`."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        now = state(folder)
        if now.exit_code is not None:
            give(now.phase)
            return now.exit_code
        if deadline is not None and time.monotonic() >= deadline:
            tell(f"{folder} still goes on after {timeout:g} seconds: {now.phase}.")
            return exit_codes.TIMED_OUT
        time.sleep(EVERY)


def watch(folder: Path, as_json: bool) -> int:
    """`watch`."""
    display = choose(as_json)
    display.started(folder)
    seen: dict[str, str] = {}
    while True:
        now = state(folder)
        for record in now.steps:
            if seen.get(record.name, states.WAITING) != record.phase:
                display.step(record)
                seen[record.name] = record.phase
            elif record.phase == states.RUNNING:
                _tell_progress(record, display.progress)
        if now.exit_code is not None:
            tell(f"{folder}: {now.phase}{': ' + now.message if now.message else ''}")
            if as_json:
                display.ended(PipelineOutcome(folder, now.phase, now.message, now.steps))
            return now.exit_code
        time.sleep(EVERY)


def _tell_progress(record: StepRecord, tell_of: Callable[[str, Snapshot], None]) -> None:
    try:
        tell_of(record.name, control.ask(Path(record.folder), "status"))
    except RunFolderError:
        return  # it has just ended, or has not begun to listen


def _names(now: PipelineState) -> str:
    return " | ".join(record.name for record in now.steps)


def _why(record: StepRecord) -> str:
    return f": {record.message.partition(chr(10))[0]}" if record.message else ""
